"""Look up media by fingerprint: in memory, or with one query for all look-ups that arrive at the same time."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

import asyncpg
import structlog

from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound, Unavailable
from hallmarket.server.http.reply import Reply
from hallmarket.server.media.packed_item import HASH_BYTES, pack_item, render_item
from hallmarket.server.media.types import read_hash
from hallmarket.server.previews.urls import THUMBNAIL_PATH

sql = load_queries(__package__)

MIB = 1024 * 1024
MAX_BATCH = 200  # look-ups in one query
PRELOAD_ROWS = 200  # about two milliseconds of work, during which no request is answered
LAST_ID = UUID(int=2**128 - 1)
# Memory of an item in addition to its packed bytes, as measured: two objects and their entry in the table.
OVERHEAD_BYTES = 130
EVICT_TOGETHER = 1000  # items
log = structlog.get_logger()


class Lookup:
    """Answers public look-ups from a cache of up to `cache_mib`, and otherwise from the database.

    `thumbnails` is the base URL of thumbnails.
    """

    def __init__(self, database: Database, cache_mib: int, thumbnails: str) -> None:
        self._database = database
        self._cache = LookupCache(cache_mib * MIB, thumbnails)
        self._batcher: Batcher[str, Reply | None] = Batcher(self._find_all, MAX_BATCH)
        self.find_cached = self._cache.find

    async def get(self, hash_text: str) -> Reply:
        """Get the response for a hash. Raises InvalidHash, NotFound if it is not anchored, Unavailable."""
        reply = self.find_cached(hash_text)
        if reply is None:
            read_hash(hash_text)
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


class LookupCache:
    """Up to `limit_bytes` of anchored items, by hash. A full cache evicts the items that were added first."""

    def __init__(self, limit_bytes: int, thumbnails: str) -> None:
        """`thumbnails` is the base URL of thumbnails."""
        self._limit_bytes = limit_bytes
        self._thumbnails = (thumbnails + THUMBNAIL_PATH).encode()
        self._size_bytes = 0
        # The key is a number made from the hash, which needs less memory. Of two hashes with one number, only the last
        # is cached.
        self._packed: dict[int, bytes] = {}

    def find(self, hash_text: str) -> Reply | None:
        """Return the response for a hash if it is cached. `hash_text` need not be a valid hash."""
        packed = self._packed.get(_number(hash_text))
        if packed is None or packed[:HASH_BYTES].hex() != hash_text:
            return None
        return render_item(hash_text, packed, self._thumbnails)

    def add(self, row: asyncpg.Record) -> Reply:
        """Cache a row of `find_anchored`, and return its response. An item without its thumbnail yet is not cached."""
        hash_text, packed = row["hash"].hex(), pack_item(row, self._thumbnails)
        if row["preview_state"] == "waiting":
            return render_item(hash_text, packed, self._thumbnails, is_final=False)
        if self._limit_bytes:
            if self.is_full:
                # Evict many together: the search for the oldest item walks over the table's deleted entries.
                for oldest in list(islice(self._packed, min(EVICT_TOGETHER, len(self._packed) // 2 + 1))):
                    self._size_bytes -= self._cost(self._packed.pop(oldest))
            number = _number(hash_text)
            self._size_bytes -= self._cost(self._packed.pop(number, None))
            self._packed[number] = packed
            self._size_bytes += self._cost(packed)
        return render_item(hash_text, packed, self._thumbnails)

    def __len__(self) -> int:
        """Return the number of cached items."""
        return len(self._packed)

    @property
    def is_full(self) -> bool:
        """Whether the next item will evict others."""
        return self._size_bytes >= self._limit_bytes

    @staticmethod
    def _cost(packed: bytes | None) -> int:
        return len(packed) + OVERHEAD_BYTES if packed is not None else 0


def _number(hash_text: str) -> int:
    return hash(hash_text) & (1 << 60) - 1  # the largest integers that Python stores in 32 bytes
