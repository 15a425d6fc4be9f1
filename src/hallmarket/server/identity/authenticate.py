"""Authentication of API keys, with a cache of valid keys that is cleared when the database reports a change."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from cachetools import LRUCache

from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import Database
from hallmarket.server.database.listener import Listener
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable
from hallmarket.server.identity.api_keys import MAX_KEY_LENGTH, hash_key
from hallmarket.server.principal import Person, Principal

sql = load_queries(__package__)

MAX_CACHED = 10_000
SAVE_USES_INTERVAL_S = 10


class ApiKeyAuthenticator:
    """Finds the principal of an API key, by the key itself or by its id.

    A key that is revoked anywhere disappears from this cache as soon as the database reports the change.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._cache: LRUCache[bytes | UUID, Principal] = LRUCache(MAX_CACHED)  # by the key's hash or id
        self._once_valid: LRUCache[bytes | UUID, None] = LRUCache(MAX_CACHED)  # keys that were valid at some time
        self._generation = 0  # increased each time the cache is cleared
        self._listener = Listener(database.url, "identity", self.clear_cache)
        self._batcher: Batcher[bytes | UUID, Principal | None] = Batcher(self._find_all, max_items=500)
        self._last_uses: dict[UUID, datetime] = {}  # by the key's id; not saved yet

    def clear_cache(self) -> None:
        """Forget every cached key, including those that a running query is about to return."""
        self._generation += 1
        self._cache.clear()

    def find_cached(self, key: str | UUID) -> Principal | None:
        """Return the principal of a key or key id if it is cached. Never queries the database."""
        cache_key = self._cache_key(key)
        principal = None if cache_key is None else self._cache.get(cache_key)
        if principal is None or (principal.expires_at is not None and principal.expires_at <= time.time()):
            return None
        self._note_use(principal)
        return principal

    def was_valid(self, key: str | UUID) -> bool:
        """Return whether this process has seen the key as valid. It may have expired or been revoked since."""
        return self._cache_key(key) in self._once_valid

    async def find(self, key: str | UUID) -> Principal | None:
        """Return the principal of a key or key id, or None if it is unknown, expired or revoked. Raises Unavailable."""
        if (cached := self.find_cached(key)) is not None:
            return cached
        cache_key = self._cache_key(key)
        if cache_key is None:
            return None
        generation = self._generation
        principal = await self._batcher.submit(cache_key)
        if principal is None:
            return None
        self._once_valid[cache_key] = None
        # Cache the result only if nothing changed during the query, and only while changes are being reported.
        if self._listener.listening and generation == self._generation:
            self._cache[cache_key] = principal
        self._note_use(principal)
        return principal

    def _note_use(self, principal: Principal) -> None:
        assert principal.key_id is not None
        self._last_uses[principal.key_id] = datetime.now(UTC)

    def _cache_key(self, key: str | UUID) -> bytes | UUID | None:
        if isinstance(key, UUID):
            return key
        return hash_key(self._secret, key) if len(key) <= MAX_KEY_LENGTH else None

    async def run(self) -> None:
        """Listen for changes and save the keys' last uses periodically, until cancelled."""
        listening = asyncio.create_task(self._listener.run())
        try:
            while True:
                await asyncio.sleep(SAVE_USES_INTERVAL_S)
                await self.save_uses()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def save_uses(self) -> None:
        """Save when each key was last used. While the database is unavailable, keep the times for the next call."""
        last_uses, self._last_uses = self._last_uses, {}
        if not last_uses:
            return
        try:
            async with self._database.connection() as connection:
                await connection.execute(sql.record_uses, list(last_uses), list(last_uses.values()))
        except Unavailable:
            self._last_uses = last_uses | self._last_uses

    async def _find_all(self, cache_keys: Sequence[bytes | UUID]) -> list[Principal | None]:
        hashes = [key for key in set(cache_keys) if isinstance(key, bytes)]
        ids = [key for key in set(cache_keys) if isinstance(key, UUID)]
        async with self._database.connection() as connection:
            rows = await connection.fetch(sql.find_principals, hashes, ids)
        found: dict[bytes | UUID, Principal] = {}
        for row in rows:
            found[row["key_hash"]] = found[row["id"]] = Principal(
                means="key",
                person=Person(row["person_id"], row["username"], row["person_name"], row["email"]),
                organization_id=row["organization_id"],
                organizations=frozenset(row["organizations"]),
                bound_to=row["organization_id"],
                scopes=frozenset(row["scopes"]),
                key_id=row["id"],
                key_name=row["name"],
                expires_at=row["expires_on"].timestamp() if row["expires_on"] else None,
            )
        return [found.get(key) for key in cache_keys]
