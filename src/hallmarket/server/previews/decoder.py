"""The decoder: a process without environment or privileges that forks one for each file, to decode it and perhaps die.

Started with a socket as its standard input, over which come a file's kind, the file, and a place for its thumbnail; the
answer is how the forked process ended. Forking spares each file a third of a second in which the libraries are loaded.
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

from hallmarket.server.previews.draw import draw, prepare
from hallmarket.server.previews.outcome import Outcome, Undrawable

MIB = 1024 * 1024
MEMORY_BYTES = 2048 * MIB  # addresses; libraries and stacks are a quarter of a gigabyte of them
CPU_S = 20
ALARM_S = 30
MAX_BYTES = 4 * MIB  # of a thumbnail, and of anything else it could write
MAX_FILES = 64
NOBODY = 65534
MAX_KIND_LENGTH = 64
MAX_REASON_LENGTH = 500
NICENESS = 10


def main() -> None:
    """Serve until the other end of the socket is closed."""
    listening = socket.socket(fileno=os.dup(0))
    _be_nobody()
    prepare()
    while True:
        kind, handles, _, _ = socket.recv_fds(listening, MAX_KIND_LENGTH, 2)
        if not kind:
            return
        child = os.fork()
        if not child:
            _decode(listening, kind.decode(), *handles)
        for handle in handles:
            os.close(handle)
        _, status = os.waitpid(child, 0)
        with suppress(BrokenPipeError):
            listening.send(str(os.waitstatus_to_exitcode(status)).encode())


def _be_nobody() -> None:
    """Lower what this process and its children may do, as far as we may; the libraries are loaded by now."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text("hm-decoder")
    os.chdir("/")
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    if os.geteuid() == 0:
        with suppress(PermissionError):  # a container may keep its root from being anybody else
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)


def _decode(listening: socket.socket, kind: str, file: int, result: int) -> NoReturn:
    """Decode one file, in a process of its own that ends here."""
    listening.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)  # what the libraries say is for nobody
    signal.alarm(ALARM_S)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    outcome, content = Outcome(reason="Reading it takes more memory than a thumbnail is worth."), b""
    try:
        with open(file, "rb", closefd=False) as opened:
            drawn = draw(kind, opened)
        outcome, content = Outcome(drawn.width, drawn.height), drawn.content
    except MemoryError:
        pass
    except Exception as error:
        outcome = Outcome(reason=_reason(error))
    os.write(result, msgspec.json.encode(outcome) + b"\n" + content)
    os._exit(0)


def _reason(error: Exception) -> str:
    if isinstance(error, Undrawable):
        return str(error)
    text = str(error) or type(error).__name__
    if isinstance(error, av.FFmpegError):
        text = error.strerror or text
    elif isinstance(error, pyvips.Error):
        text = error.detail or text
    line = " ".join(text.split())
    return "It cannot be read: " + "".join(one for one in line if one.isprintable())[:MAX_REASON_LENGTH]


if __name__ == "__main__":
    main()
