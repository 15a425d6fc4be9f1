"""Anchor media: accept requests, many in one transaction, so that each is durable before it is answered."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from hallmarket.proof.entry import Claims, MediaEntry, commit
from hallmarket.server.database.batcher import Batcher
from hallmarket.server.database.pool import AWAY, Connection, Line
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, Duplicate, InvalidRequest, Unavailable
from hallmarket.server.http.metrics import ANCHOR_BATCH
from hallmarket.server.identity.types import iso_time
from hallmarket.server.media.first_answer import Claim, FirstAnswers, Replay
from hallmarket.server.media.types import ACCEPTED, ANCHORED, KIND, Anchor, Asker
from hallmarket.server.tlog.append import append

sql = load_queries(__package__)

MOST_TRIES = 5


class Work(msgspec.Struct, frozen=True):
    """One request to anchor on somebody's behalf; `claim` if it came with an idempotency key."""

    asker: Asker
    anchor: Anchor
    claim: Claim | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The item is durable and queued for the log; `again` if it was an earlier item of the caller's."""

    id: UUID
    again: bool


Outcome = Accepted | Replay | DomainError


class Anchoring:
    """One process's way into the registry: single requests share transactions, each batch leaving as one is back."""

    def __init__(self, url: str, most: int) -> None:
        self._line = Line(url)
        self._batcher: Batcher[Work, Outcome] = Batcher(self._accept, most)

    async def submit(self, work: Work) -> Outcome:
        """Accept one request. Raises Unavailable, in which case it may or may not have been accepted."""
        return await self._batcher.submit(work)

    async def close(self) -> None:
        """Close this process's connection."""
        await self._line.close()

    async def _accept(self, works: Sequence[Work]) -> list[Outcome | Exception]:
        ANCHOR_BATCH.observe(len(works))
        connection = await self._line.get()
        try:
            return [*await accept(connection, works)]
        except (*AWAY, Unavailable):
            self._line.drop()
            raise


async def accept(connection: Connection, works: Sequence[Work]) -> list[Outcome]:
    """Accept requests in one transaction; one that cannot be accepted does not stop the others.

    Returns an outcome for each, in order. Raises Unavailable if the database is away.
    """
    for attempt in range(MOST_TRIES):
        try:
            async with connection.transaction():
                return await _accept_in(connection, works)
        except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, _Vanished):
            # Another process was at the same hashes or ids; now that it is done, look again.
            if attempt == MOST_TRIES - 1:
                raise Unavailable from None
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            if len(works) == 1:
                raise
            return [outcome for work in works for outcome in await accept(connection, [work])]
        except AWAY as error:
            raise Unavailable from error
    raise AssertionError


class _Vanished(Exception):
    """What stood in the way was gone when we looked; try again."""


async def _accept_in(tx: Connection, works: Sequence[Work]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    answers = FirstAnswers({number: work.claim for number, work in enumerate(works) if work.claim is not None})
    outcomes |= await answers.claim(tx)
    batch = _Batch(tx, works)
    open_works = [number for number in range(len(works)) if number not in outcomes and not answers.is_repeat(number)]
    outcomes |= await batch.insert(open_works)
    outcomes |= await batch.settle_rest([number for number in open_works if number not in outcomes])
    await append(tx, KIND, batch.entries)
    outcomes |= await answers.keep(tx, {number: (works[number].anchor, outcomes[number]) for number in open_works})
    return [outcomes[number] for number in range(len(works))]


class _Batch:
    """The items of one transaction, and the log entries that go with them."""

    def __init__(self, tx: Connection, works: Sequence[Work]) -> None:
        self._tx = tx
        self._works = works
        self.entries: list[tuple[UUID, bytes]] = []

    async def insert(self, numbers: Sequence[int]) -> dict[int, Outcome]:
        """Insert whatever is new, all at once; what meets an obstacle is left out of the answer."""
        now = datetime.now(UTC)
        time_text = iso_time(now)
        rows, seen_hashes, seen_ids = [], set[bytes](), set[UUID]()
        for number in numbers:
            work = self._works[number]
            anchor = work.anchor
            item_id = anchor.id or uuid7()
            if anchor.hash in seen_hashes or item_id in seen_ids:
                continue  # a second one of its kind meets the first as an obstacle
            seen_hashes.add(anchor.hash)
            seen_ids.add(item_id)
            salt = os.urandom(32)
            entry = _entry(item_id, work, work.asker.person_id, salt, time_text)
            asker = work.asker
            rows.append(
                (
                    *(anchor.hash, item_id, asker.organization_id, asker.person_id, anchor.size),
                    *(anchor.name, anchor.metadata, salt, entry, number),
                )
            )
        if not rows:
            return {}
        rows.sort(key=lambda row: row[0])
        hashes, ids, organizations, people, sizes, names, metadata, salts, entries, places = zip(*rows, strict=True)
        times = [now] * len(rows)
        inserted = await self._tx.fetch(
            sql.accept, ids, organizations, people, hashes, sizes, names, metadata, salts, times
        )
        accepted = {row["id"] for row in inserted}
        outcomes: dict[int, Outcome] = {}
        # Entered in the order they came in, not in the order of their hashes.
        for number, item_id, entry in sorted(zip(places, ids, entries, strict=True)):
            if item_id in accepted:
                self.entries.append((item_id, entry))
                outcomes[number] = Accepted(item_id, again=False)
        return outcomes

    async def settle_rest(self, numbers: Sequence[int]) -> dict[int, Outcome]:
        """Say of each request that met an obstacle what became of it."""
        if not numbers:
            return {}
        anchors = [self._works[number].anchor for number in numbers]
        rows = await self._tx.fetch(
            sql.find_obstacles,
            [anchor.id for anchor in anchors if anchor.id is not None],
            [anchor.hash for anchor in anchors],
        )
        by_id = {row["id"]: row for row in rows}
        by_hash = {
            row["hash"]: (row["id"], row["organization_id"]) for row in rows if row["status"] in (ACCEPTED, ANCHORED)
        }
        outcomes: dict[int, Outcome] = {}
        for number in numbers:
            work = self._works[number]
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
            by_id.pop(item["id"])
            outcomes[number] = Accepted(item["id"], again=True)
        return outcomes

    async def _accept_again(self, work: Work, item: asyncpg.Record) -> None:
        anchor, salt = work.anchor, os.urandom(32)
        done = await self._tx.fetchval(
            sql.accept_again,
            *(item["id"], item["organization_id"], anchor.hash, anchor.size, anchor.name, anchor.metadata, salt),
        )
        if done is None:
            raise _Vanished
        entry = _entry(item["id"], work, item["creator_id"], salt, iso_time(item["created_on"]))
        self.entries.append((item["id"], entry))


def _find_obstacle(
    work: Work, item: asyncpg.Record | None, by_hash: dict[bytes, tuple[UUID, UUID]]
) -> DomainError | None:
    """Why a request cannot be accepted, if it cannot: `item` has its id, `by_hash` knows who owns which hash."""
    anchor, own = work.anchor, work.asker.organization_id
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
        organization=str(work.asker.organization_id),
    )
    return MediaEntry(
        claims=commit(salt, claims), id=str(item_id), sha3_512=work.anchor.hash.hex(), size=work.anchor.size
    ).encode()
