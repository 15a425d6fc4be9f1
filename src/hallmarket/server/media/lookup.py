"""Look up media by fingerprint: in memory, or with one query for all look-ups that arrive at the same time."""

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
MAX_BATCH = 200  # look-ups in one query
PRELOAD_ROWS = 200  # about two milliseconds of work, during which no request is answered
LAST_ID = UUID(int=2**128 - 1)
log = structlog.get_logger()


class Lookup:
    """Answers public look-ups, and keeps up to `cache_mib` of items in memory.

    `thumbnails` is the base URL of thumbnails.
    """

    def __init__(self, database: Database, cache_mib: int, thumbnails: str) -> None:
        self._database = database
        self._cache = LookupCache(cache_mib * MIB, thumbnails)
        self._batcher: Batcher[str, Reply | None] = Batcher(self._find_all, MAX_BATCH)
        self.find_cached = self._cache.find

    async def get(self, hash_text: str) -> Reply:
        """Get the response for a valid hash from the database. Raises NotFound if it is not anchored, Unavailable."""
        reply = await self._batcher.submit(hash_text)
        if reply is None:
            raise NotFound("No file with this hash is anchored here.")
        return reply

    async def preload(self) -> None:
        """Fill the cache with the newest items. Runs in the background after a start; requests have priority."""
        last_id = LAST_ID
        try:
            while not self._cache.is_full:
                async with self._database.connection() as connection:
                    rows = await connection.fetch(sql.find_newest_anchored, last_id, PRELOAD_ROWS)
                for row in rows:
                    self._cache.add(row)
                    if self._cache.is_full:
                        break
                if len(rows) < PRELOAD_ROWS:
                    break
                last_id = rows[-1]["id"]
                await asyncio.sleep(0.001)
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning(
                "preloading the look-up cache failed; items are cached when they are requested", error=str(error)
            )
        log.info("look-up cache preloaded", items=len(self._cache))

    async def _find_all(self, hashes: Sequence[str]) -> list[Reply | None]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.find_anchored, [bytes.fromhex(text) for text in set(hashes)])
        replies = {row["hash"].hex(): self._cache.add(row) for row in rows}
        return [replies.get(text) for text in hashes]
