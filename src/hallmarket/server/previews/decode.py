"""Have files decoded by other processes, which may die of them; from the side that must not."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO

import msgspec
import structlog

from hallmarket.server.previews.outcome import DecoderDied, Drawn, Outcome, Undrawable

COMMAND = (sys.executable, "-I", "-m", "hallmarket.server.previews.decoder")
PATIENCE_S = 40.0  # more than the decoder has, which ends a file's process after half a minute
IDLE_S = 60.0  # after which a decoder ends, that keeps fifty megabytes
TOOK_TOO_LONG = (-signal.SIGXCPU, -signal.SIGALRM)
log = structlog.get_logger()


class _Decoder:
    """One decoder: started when it is needed, and again after it died. Its methods block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def draw(self, kind: str, file: IO[bytes]) -> Drawn:
        """A thumbnail of an open file. Raises Undrawable, DecoderDied."""
        result = os.memfd_create("thumbnail")
        try:
            self._send(kind, file.fileno(), result)
            status = self._receive()
            if status in TOOK_TOO_LONG:
                raise Undrawable("Reading it takes longer than a thumbnail is worth.")
            if status:
                raise DecoderDied(f"The decoder died of it: {_describe(status)}.")
            return _read_result(result)
        finally:
            os.close(result)

    def kill(self) -> None:
        """Make whoever waits for it get DecoderDied."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process, and what it forked, if there is one."""
        self.kill()
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.wait()
        self._process = self._line = None

    def _send(self, kind: str, *handles: int) -> None:
        if self._line is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        assert self._line is not None
        try:
            socket.send_fds(self._line, [kind.encode()], list(handles))
        except OSError as error:
            self.close()
            raise DecoderDied("The decoder died before it was begun.") from error

    def _receive(self) -> int:
        """How the file's process ended, as `subprocess` has it."""
        assert self._line is not None
        try:
            told = self._line.recv(16)
        except OSError:
            told = b""
        if not told:
            self.close()
            raise DecoderDied("The decoder died of it.")
        return int(told)

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE_S)
        with theirs:
            # Nothing of our environment: keys to databases and clouds are in it.
            self._process = subprocess.Popen(COMMAND, env={}, stdin=theirs.fileno(), cwd="/", start_new_session=True)
        self._line = ours


class Decoders:
    """As many decoders as are worth having beside the server's other work: half the cores."""

    def __init__(self) -> None:
        self._all = [_Decoder() for _ in range(max(1, (os.cpu_count() or 1) // 2))]
        self._free = asyncio.LifoQueue[_Decoder]()
        for decoder in self._all:
            self._free.put_nowait(decoder)
        self._last_use_s = 0.0

    async def draw(self, kind: str, file: IO[bytes]) -> Drawn:
        """A thumbnail of an open file of a `kind` that `find_kind` found. Raises Undrawable, DecoderDied."""
        decoder = await self._free.get()
        work = asyncio.ensure_future(asyncio.to_thread(decoder.draw, kind, file))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            decoder.kill()
            await asyncio.wait({work})
            raise
        finally:
            self._last_use_s = time.monotonic()
            self._free.put_nowait(decoder)

    async def run(self) -> None:
        """End decoders when there was nothing to do for a while; at the end, all of them."""
        try:
            while True:
                await asyncio.sleep(IDLE_S)
                if time.monotonic() - self._last_use_s > IDLE_S and self._free.qsize() == len(self._all):
                    self.close()
        finally:
            self.close()

    def close(self) -> None:
        """End them; those that are needed again start again."""
        for decoder in self._all:
            decoder.close()


def _describe(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _read_result(result: int) -> Drawn:
    head, _, content = os.pread(result, os.fstat(result).st_size, 0).partition(b"\n")
    try:
        outcome = msgspec.json.decode(head, type=Outcome)
    except msgspec.MsgspecError as error:
        raise DecoderDied("The decoder died in the middle of its answer.") from error
    if outcome.reason is not None:
        raise Undrawable(outcome.reason)
    return Drawn(outcome.width, outcome.height, content)
