"""Anchor media: accept requests, many in one transaction, so that each is durable before it is answered."""

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from hallmarket.proof.entry import MEDIA, SALT_BYTES, Claims, MediaEntry, commit
from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.connections import CONNECTION_ERRORS, Connection, Database, DedicatedConnection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, Duplicate, InvalidRequest, Unavailable
from hallmarket.server.http.metrics import ANCHOR_BATCH
from hallmarket.server.idempotency.store import IdempotencyStore
from hallmarket.server.identity.types import iso_time
from hallmarket.server.media.idempotency import render
from hallmarket.server.media.outcome import Accepted, Outcome, Work
from hallmarket.server.media.types import ACCEPTED, ANCHORED
from hallmarket.server.principal import PERSONAL_CONTEXT
from hallmarket.server.tlog.append import append

sql = load_queries(__package__)

MAX_ATTEMPTS = 5


_Attempt = Callable[["_Batch", Sequence[int]], Awaitable[dict[int, Outcome]]]


class Anchoring:
    """One process's way into the registry: single requests share transactions, each batch leaving as one is back.

    `most` requests share one at most; 1 commits each alone, over the connections of the pool.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._connection = DedicatedConnection(database.url)
        self._batcher: Batcher[Work, Outcome] = Batcher(self._accept, most)

    async def submit(self, work: Work) -> Outcome:
        """Accept one request. Raises Unavailable, in which case it may or may not have been accepted."""
        if self._most > 1:
            return await self._batcher.submit(work)
        async with self._database.connection() as connection:
            return (await accept(connection, [work]))[0]

    async def close(self) -> None:
        """Close this process's connection."""
        await self._connection.close()

    async def _accept(self, works: Sequence[Work]) -> list[Outcome | Exception]:
        connection = await self._connection.get()
        try:
            return [*await accept(connection, works)]
        except (*CONNECTION_ERRORS, Unavailable):
            self._connection.terminate()
            raise


async def accept(connection: Connection, works: Sequence[Work]) -> list[Outcome]:
    """Accept requests, durably; one that cannot be accepted does not stop the others.

    Returns an outcome for each, in order. Raises Unavailable if the database is away.
    """
    ANCHOR_BATCH.observe(len(works))
    # Most requests are new and end here, in one statement of its own; only the rest needs a transaction.
    plain = [number for number, work in enumerate(works) if work.claim is None]
    outcomes = await _despite_races(connection, works, plain, _accept_new)
    rest = [number for number in range(len(works)) if number not in outcomes]
    if rest:
        outcomes |= await _despite_races(connection, works, rest, _accept_rest)
    return [outcomes[number] for number in range(len(works))]


async def _despite_races(
    connection: Connection, works: Sequence[Work], numbers: Sequence[int], attempt: "_Attempt"
) -> dict[int, Outcome]:
    """Run one attempt, again where another process was at the same hashes or ids, and one by one if one is poison."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return await attempt(_Batch(connection, works), numbers)
        except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, _Vanished):
            continue  # the other process is done by now; look again
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            if len(numbers) == 1:
                raise
            singly = [await _despite_races(connection, works, [number], attempt) for number in numbers]
            return {number: outcome for outcomes in singly for number, outcome in outcomes.items()}
        except CONNECTION_ERRORS as error:
            raise Unavailable from error
    raise Unavailable


class _Vanished(Exception):
    """What stood in the way was gone when we looked; try again."""


async def _accept_new(batch: "_Batch", numbers: Sequence[int]) -> dict[int, Outcome]:
    return await batch.insert(numbers)


async def _accept_rest(batch: "_Batch", numbers: Sequence[int]) -> dict[int, Outcome]:
    """Requests with an idempotency key, and those that met an obstacle, in one transaction."""
    works = batch.works
    claims = {number: claim for number in numbers if (claim := works[number].claim) is not None}
    async with batch.connection.transaction():
        answers = IdempotencyStore(claims)
        outcomes: dict[int, Outcome] = {**await answers.claim(batch.connection)}
        first = [number for number in numbers if number not in outcomes and not answers.is_repeat(number)]
        outcomes |= await batch.insert([number for number in first if number in claims])
        outcomes |= await batch.settle_rest([number for number in first if number not in outcomes])
        outcomes |= await answers.keep(batch.connection, {n: render(works[n].anchor, outcomes[n]) for n in first})
    return outcomes


class _Batch:
    """The requests accepted together, and the connection they are accepted on."""

    def __init__(self, connection: Connection, works: Sequence[Work]) -> None:
        self.connection = connection
        self.works = works

    async def insert(self, numbers: Sequence[int]) -> dict[int, Outcome]:
        """Insert whatever is new, all at once; what meets an obstacle is left out of the answer."""
        now = datetime.now(UTC)
        time_text = iso_time(now)
        rows: dict[UUID, tuple[object, ...]] = {}
        places: dict[UUID, int] = {}
        hashes = set[bytes]()
        for number in numbers:
            work = self.works[number]
            anchor, owner = work.anchor, work.owner
            item_id = anchor.id or new_id()
            if anchor.hash in hashes or item_id in rows:
                continue  # a second one of its kind meets the first as an obstacle
            hashes.add(anchor.hash)
            salt = os.urandom(SALT_BYTES)
            entry = _entry(item_id, work, owner.person_id, salt, time_text)
            rows[item_id] = (
                *(item_id, owner.organization_id, owner.person_id, anchor.hash, anchor.size),
                *(anchor.name, anchor.metadata, salt, entry),
            )
            places[item_id] = number
        if not rows:
            return {}
        accepted = await self.connection.fetchval(sql.accept_batch, *zip(*rows.values(), strict=True), now)
        return {places[item_id]: Accepted(item_id, again=False) for item_id in accepted or ()}

    async def settle_rest(self, numbers: Sequence[int]) -> dict[int, Outcome]:
        """Say of each request that met an obstacle what became of it."""
        if not numbers:
            return {}
        anchors = [self.works[number].anchor for number in numbers]
        rows = await self.connection.fetch(
            sql.find_conflicting,
            [anchor.id for anchor in anchors if anchor.id is not None],
            [anchor.hash for anchor in anchors],
        )
        by_id = {row["id"]: dict(row) for row in rows}
        by_hash = {
            row["hash"]: (row["id"], row["organization_id"]) for row in rows if row["status"] in (ACCEPTED, ANCHORED)
        }
        outcomes: dict[int, Outcome] = {}
        for number in numbers:
            work = self.works[number]
            item = by_id.get(work.anchor.id) if work.anchor.id is not None else None
            try:
                obstacle = _find_obstacle(work, item, by_hash)
                if obstacle is not None:
                    outcomes[number] = obstacle
                    continue
                if item is None:
                    raise _Vanished
                await self._accept_again(work, item)
            except DomainError as error:
                outcomes[number] = error
                continue
            by_hash[work.anchor.hash] = (item["id"], item["organization_id"])
            by_id[item["id"]] = {**item, "hash": work.anchor.hash, "status": ACCEPTED}
            outcomes[number] = Accepted(item["id"], again=True)
        return outcomes

    async def _accept_again(self, work: Work, item: dict[str, Any]) -> None:
        anchor, salt = work.anchor, os.urandom(SALT_BYTES)
        done = await self.connection.fetchval(
            sql.accept_again,
            *(item["id"], item["organization_id"], anchor.hash, anchor.size, anchor.name, anchor.metadata, salt),
        )
        if done is None:
            raise _Vanished
        entry = _entry(item["id"], work, item["creator_id"], salt, iso_time(item["created_on"]))
        await append(self.connection, MEDIA, [(item["id"], entry)])


def _find_obstacle(
    work: Work, item: dict[str, Any] | None, by_hash: dict[bytes, tuple[UUID, UUID | None]]
) -> DomainError | None:
    """Why a request cannot be accepted, if it cannot: `item` has its id, `by_hash` knows who owns which hash."""
    anchor, own = work.anchor, work.owner.organization_id
    if item is not None and item["organization_id"] != own:
        return Duplicate("This id is taken.")
    if item is not None and item["status"] in (ACCEPTED, ANCHORED) and item["hash"] != anchor.hash:
        return Duplicate("This item is anchored with another hash.", {"id": str(item["id"])})
    if item is not None and item["has_bytes"] and item["hash"] != anchor.hash:
        return InvalidRequest("hash is not the hash of the bytes uploaded under this id.", "hash")
    if anchor.hash in by_hash:
        item_id, organization_id = by_hash[anchor.hash]
        return Duplicate("This hash is already anchored.", {"id": str(item_id)} if organization_id == own else None)
    return None


def _entry(item_id: UUID, work: Work, creator_id: UUID, salt: bytes, created_on: str) -> bytes:
    claims = Claims(
        createdOn=created_on,
        creator=str(creator_id),
        metadata=work.anchor.metadata,
        name=work.anchor.name,
        organization=str(work.owner.organization_id or PERSONAL_CONTEXT),
    )
    return MediaEntry(
        claims=commit(salt, claims), id=str(item_id), sha3_512=work.anchor.hash.hex(), size=work.anchor.size
    ).encode()
