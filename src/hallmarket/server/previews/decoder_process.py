"""One decoder process, as the server sees it: started when needed, and again after it has died."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import IO

import msgspec

from hallmarket.server.previews.decoder_protocol import CannotRender, DecoderDied, ResultHeader, Thumbnail

COMMAND = (sys.executable, "-I", "-m", "hallmarket.server.previews.decoder_main")
REPLY_TIMEOUT_S = 40.0  # longer than the decoder's own time limit for a file
TIMED_OUT = (-signal.SIGXCPU, -signal.SIGALRM)


class DecoderProcess:
    """A decoder process. Its methods block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def render(self, format_: str, file: IO[bytes]) -> Thumbnail:
        """Render a thumbnail of an open file. Raises CannotRender, DecoderDied."""
        result = os.memfd_create("thumbnail")
        try:
            self._send(format_, file.fileno(), result)
            status = self._receive()
            if status in TIMED_OUT:
                raise CannotRender("The file takes too long to read.")
            if status:
                raise DecoderDied(f"The decoder died while it read the file: {_describe(status)}.")
            return _read_result(result)
        finally:
            os.close(result)

    def kill(self) -> None:
        """Kill the process and those that it forked; a `render` in progress raises DecoderDied."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the process, if there is one, and wait for its end."""
        self.kill()
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.wait()
        self._process = self._socket = None

    def _send(self, format_: str, *descriptors: int) -> None:
        if self._socket is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        assert self._socket is not None
        try:
            socket.send_fds(self._socket, [format_.encode()], list(descriptors))
        except OSError as error:
            self.close()
            raise DecoderDied("The decoder died before it read the file.") from error

    def _receive(self) -> int:
        """Wait for the exit status of the file's process, negative for a signal as in `subprocess`."""
        assert self._socket is not None
        try:
            reply = self._socket.recv(16)
        except OSError:
            reply = b""
        if not reply:
            self.close()
            raise DecoderDied("The decoder died while it read the file.")
        return int(reply)

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(REPLY_TIMEOUT_S)
        with theirs:
            # The environment is empty because ours may have credentials of databases and clouds.
            self._process = subprocess.Popen(COMMAND, env={}, stdin=theirs.fileno(), cwd="/", start_new_session=True)
        self._socket = ours


def _describe(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _read_result(result: int) -> Thumbnail:
    head, _, content = os.pread(result, os.fstat(result).st_size, 0).partition(b"\n")
    try:
        header = msgspec.json.decode(head, type=ResultHeader)
    except msgspec.MsgspecError as error:
        raise DecoderDied("The decoder died before it had written its result.") from error
    if header.reason is not None:
        raise CannotRender(header.reason)
    return Thumbnail(header.width, header.height, content)
