"""Who a key speaks for: remembered while the database can tell us of every change, asked for otherwise."""

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
from hallmarket.server.identity.keys import MAX_KEY_LENGTH, hash_key
from hallmarket.server.principal import Person, Principal

sql = load_queries(__package__)

MAX_CACHED = 10_000
NOTE_USES_EVERY_S = 10


class ApiKeyAuthenticator:
    """Finds the caller behind a key. A key revoked anywhere is forgotten here as soon as the database tells."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret
        self._known: LRUCache[bytes | UUID, Principal] = LRUCache(MAX_CACHED)  # by a key's hash, and by its id
        self._seen: LRUCache[bytes | UUID, None] = LRUCache(MAX_CACHED)  # were good, and may not be any more
        self._generation = 0
        self._listener = Listener(database.url, "identity", self.forget)
        self._batcher: Batcher[bytes | UUID, Principal | None] = Batcher(self._find_all, max_items=500)
        self._used: dict[UUID, datetime] = {}

    def forget(self) -> None:
        """Forget every remembered key, and whatever a query now under way is about to bring."""
        self._generation += 1
        self._known.clear()

    def find_known(self, key: str | UUID) -> Principal | None:
        """The caller behind a key, or a key's id, that is remembered here; never asks the database."""
        place = self._place(key)
        principal = None if place is None else self._known.get(place)
        if principal is None or (principal.expires_at is not None and principal.expires_at <= time.time()):
            return None
        self._note_use(principal)
        return principal

    def was_good(self, key: str | UUID) -> bool:
        """Whether a key was good here before; it may have expired or been revoked since."""
        return self._place(key) in self._seen

    async def find(self, key: str | UUID) -> Principal | None:
        """The caller behind a key, or a key's id, or None if it is unknown, expired or revoked. Raises Unavailable."""
        if (known := self.find_known(key)) is not None:
            return known
        place = self._place(key)
        if place is None:
            return None
        generation = self._generation
        principal = await self._batcher.submit(place)
        if principal is None:
            return None
        self._seen[place] = None
        # Remembered only if nothing changed while the query was under way, and only while changes reach us.
        if self._listener.listening and generation == self._generation:
            self._known[place] = principal
        self._note_use(principal)
        return principal

    def _note_use(self, principal: Principal) -> None:
        assert principal.key_id is not None
        self._used[principal.key_id] = datetime.now(UTC)

    def _place(self, key: str | UUID) -> bytes | UUID | None:
        if isinstance(key, UUID):
            return key
        return hash_key(self._secret, key) if len(key) <= MAX_KEY_LENGTH else None

    async def run(self) -> None:
        """Listen for changes, and note the last use of keys from time to time, until cancelled."""
        listening = asyncio.create_task(self._listener.run())
        try:
            while True:
                await asyncio.sleep(NOTE_USES_EVERY_S)
                await self.note_uses()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def note_uses(self) -> None:
        """Write down when each key was last used; while the database is away they are kept for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._database.connection() as connection:
                await connection.execute(sql.record_uses, list(used), list(used.values()))
        except Unavailable:
            self._used = used | self._used

    async def _find_all(self, places: Sequence[bytes | UUID]) -> list[Principal | None]:
        hashes = [place for place in set(places) if isinstance(place, bytes)]
        ids = [place for place in set(places) if isinstance(place, UUID)]
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
        return [found.get(place) for place in places]
