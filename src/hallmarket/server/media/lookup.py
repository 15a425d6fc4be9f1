"""Look up media by fingerprint: from memory, or by one query for everybody who asks at that moment."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import structlog

from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound, Unavailable
from hallmarket.server.http.reply import Reply
from hallmarket.server.media.lookup_cache import LookupCache

sql = load_queries(__package__)

MIB = 1024 * 1024
PAGE = 200  # some two milliseconds, for which nobody is answered
LAST = UUID(int=2**128 - 1)
log = structlog.get_logger()


class Lookup:
    """Answers the public's question, is this file known; remembers up to `cache_mib` of items.

    `thumbnails` is the address of the server or CDN that thumbnails are served at.
    """

    def __init__(self, database: Database, cache_mib: int, thumbnails: str) -> None:
        self._database = database
        self._cache = LookupCache(cache_mib * MIB, thumbnails)
        self._batcher: Batcher[str, Reply | None] = Batcher(self._find_all, max_items=200)
        self.find_ready = self._cache.find

    async def get(self, hash_text: str) -> Reply:
        """The answer for a well-formed hash. Raises NotFound if it is not anchored (yet), Unavailable."""
        ready = await self._batcher.submit(hash_text)
        if ready is None:
            raise NotFound("No file with this hash is anchored here.")
        return ready

    async def load(self) -> None:
        """Fill the memory with the newest items, in the background of a start; whoever asks meanwhile comes first."""
        last = LAST
        try:
            while not self._cache.is_full:
                async with self._database.connection() as connection:
                    rows = await connection.fetch(sql.find_newest_anchored, last, PAGE)
                for row in rows:
                    self._cache.add(row)
                    if self._cache.is_full:
                        break
                if len(rows) < PAGE:
                    break
                last = rows[-1]["id"]
                await asyncio.sleep(0.001)
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning("loading look-ups was broken off; they are remembered as they are asked for", error=str(error))
        log.info("look-ups remembered", items=len(self._cache))

    async def _find_all(self, hashes: Sequence[str]) -> list[Reply | None]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.find_anchored, [bytes.fromhex(text) for text in set(hashes)])
        found = {row["hash"].hex(): self._cache.add(row) for row in rows}
        return [found.get(text) for text in hashes]
