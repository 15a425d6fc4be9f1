"""Pool of decoder processes: one for every two cores, started when needed and stopped when idle."""

import asyncio
import os
import time
from typing import IO

from hallmarket.server.previews.decoder_process import DecoderProcess
from hallmarket.server.previews.decoder_protocol import Thumbnail

IDLE_TIMEOUT_S = 60.0  # a decoder holds 50 MiB of memory


class DecoderPool:
    """Lends each decoder to one file at a time. Half of the cores are left for the server's other work."""

    def __init__(self) -> None:
        self._decoders = [DecoderProcess() for _ in range(max(1, (os.cpu_count() or 1) // 2))]
        self._free = asyncio.LifoQueue[DecoderProcess]()
        for decoder in self._decoders:
            self._free.put_nowait(decoder)
        self._last_use_s = 0.0

    async def render(self, format_: str, file: IO[bytes]) -> Thumbnail:
        """Render a thumbnail of an open file, whose format `detect_format` has found.

        Raises CannotRender, DecoderDied.
        """
        decoder = await self._free.get()
        work = asyncio.ensure_future(asyncio.to_thread(decoder.render, format_, file))
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
        """Stop the decoders whenever they have been idle for IDLE_TIMEOUT_S, and when this is cancelled."""
        try:
            while True:
                await asyncio.sleep(IDLE_TIMEOUT_S)
                is_idle = time.monotonic() - self._last_use_s > IDLE_TIMEOUT_S
                if is_idle and self._free.qsize() == len(self._decoders):
                    self.close()
        finally:
            self.close()

    def close(self) -> None:
        """Stop all decoders. The next file starts one again."""
        for decoder in self._decoders:
            decoder.close()
