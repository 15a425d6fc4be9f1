"""Main program of a decoder process: sandboxed, it forks a process for each file, which renders it and may die of it.

Its standard input is a socket to the server. Forking saves the 0.3 seconds that loading the libraries takes.
"""

import os
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import av
import msgspec
import pyvips

from hallmarket.server.previews.decoder_protocol import MAX_FORMAT_LENGTH, CannotRender, ResultHeader
from hallmarket.server.previews.render import block_loaders, render

MIB = 1024 * 1024
ADDRESS_SPACE_BYTES = 2048 * MIB  # libraries and stacks take a quarter of a gigabyte of it
CPU_LIMIT_S = 20
TIME_LIMIT_S = 30
MAX_RESULT_BYTES = 4 * MIB  # also the limit of any file that it could write
MAX_OPEN_FILES = 64
UNPRIVILEGED_ID = 65534
MAX_REASON_LENGTH = 500
NICENESS = 10


def main() -> None:
    """Render files until the server closes the socket."""
    server = socket.socket(fileno=os.dup(0))
    _enter_sandbox()
    block_loaders()
    while True:
        format_, descriptors, _, _ = socket.recv_fds(server, MAX_FORMAT_LENGTH, 2)
        if not format_:
            return
        child = os.fork()
        if not child:
            _render(server, format_.decode(), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        with suppress(BrokenPipeError):
            server.send(str(os.waitstatus_to_exitcode(status)).encode())


def _enter_sandbox() -> None:
    """Restrict this process and its children for good, as far as its account allows. The libraries are loaded."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text("hm-decoder")
    os.chdir("/")
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_RESULT_BYTES, MAX_RESULT_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    if os.geteuid() == 0:
        with suppress(PermissionError):  # a container may forbid its root to change accounts
            os.setgroups([])
            os.setgid(UNPRIVILEGED_ID)
            os.setuid(UNPRIVILEGED_ID)


def _render(server: socket.socket, format_: str, file: int, result: int) -> NoReturn:
    """Render one file in a forked process, which ends here."""
    server.close()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)  # the libraries' messages are not needed
    signal.alarm(TIME_LIMIT_S)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    header, content = ResultHeader(reason="The file takes too much memory to read."), b""
    try:
        with open(file, "rb", closefd=False) as opened:
            thumbnail = render(format_, opened)
        header, content = ResultHeader(thumbnail.width, thumbnail.height), thumbnail.content
    except MemoryError:
        pass
    except Exception as error:
        header = ResultHeader(reason=_describe(error))
    os.write(result, msgspec.json.encode(header) + b"\n" + content)
    os._exit(0)


def _describe(error: Exception) -> str:
    if isinstance(error, CannotRender):
        return str(error)
    text = str(error) or type(error).__name__
    if isinstance(error, av.FFmpegError):
        text = error.strerror or text
    elif isinstance(error, pyvips.Error):
        text = error.detail or text
    line = " ".join(text.split())
    return "The file cannot be read: " + "".join(one for one in line if one.isprintable())[:MAX_REASON_LENGTH]


if __name__ == "__main__":
    main()
