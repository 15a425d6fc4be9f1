"""Look up media by fingerprint: ready bytes from memory, or one query for everybody who asks at that moment."""

import hashlib
from collections.abc import Sequence

import msgspec
from cachetools import LRUCache

from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.pool import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.http.reply import Reply
from hallmarket.server.media.types import wire_public_item

sql = load_queries(__package__)

MIB = 1024 * 1024
OVERHEAD_BYTES = 700  # of a remembered answer beside its body, measured: key, headers, objects
# Nothing in an anchored item's answer can change any more, so any cache may keep it.
FINAL = (b"cache-control", b"public, max-age=31536000, immutable")
ANYWHERE = (b"access-control-allow-origin", b"*")


class Lookup:
    """Answers the public's question, is this file known; remembers up to `cache_mib` of ready answers."""

    def __init__(self, database: Database, cache_mib: int) -> None:
        self._database = database
        self._ready: LRUCache[str, Reply] = LRUCache(
            cache_mib * MIB, getsizeof=lambda reply: len(reply.body) + OVERHEAD_BYTES
        )
        self._batcher: Batcher[str, Reply | None] = Batcher(self._find_all, most=200)

    def find_ready(self, hash_text: str) -> Reply | None:
        """The answer for a hash, if it is remembered here."""
        return self._ready.get(hash_text)

    async def get(self, hash_text: str) -> Reply:
        """The answer for a well-formed hash. Raises NotFound if it is not anchored (yet), Unavailable."""
        ready = await self._batcher.submit(hash_text)
        if ready is None:
            raise NotFound("No file with this hash is anchored here.")
        return ready

    async def _find_all(self, hashes: Sequence[str]) -> list[Reply | None]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.find_anchored, [bytes.fromhex(text) for text in set(hashes)])
        found = {}
        for row in rows:
            body = msgspec.json.encode(item := wire_public_item(row))
            tag = b'"%s"' % hashlib.blake2b(body, digest_size=16).hexdigest().encode()
            found[item.hash] = Reply(200, body, ((b"etag", tag), FINAL, ANYWHERE))
        if self._ready.maxsize:
            self._ready.update(found)
        return [found.get(text) for text in hashes]
