"""Anchor files. Requests that arrive together are committed together; each is durable before its response is sent."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from hallmarket.server.idempotency.claim import Claim
from hallmarket.server.idempotency.store import do_each_once
from hallmarket.server.identity.types import iso_time
from hallmarket.server.media.types import (
    ACCEPTED,
    ANCHORED,
    AcceptedItem,
    AnchorOutcome,
    AnchorRequest,
    Owner,
    Submission,
)
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal
from hallmarket.server.tlog.append import append

sql = load_queries(__package__)

MAX_ATTEMPTS = 5

_Submissions = Mapping[int, Submission]  # by their number in the batch
_Outcomes = Mapping[int, AnchorOutcome]
_FirstOutcomes = dict[int, AcceptedItem | DomainError]  # of requests that are no replays
_Attempt = Callable[[Connection, _Submissions], Awaitable[_Outcomes]]


class AnchorBatcher:
    """The anchor requests of one process. Requests that arrive while a batch is being committed share the next one.

    A batch holds at most `max_batch` requests. With 1, every request has a transaction of its own, on a connection of
    the pool.
    """

    def __init__(self, database: Database, max_batch: int) -> None:
        self._database = database
        self._max_batch = max_batch
        self._connection = DedicatedConnection(database.url)
        self._batcher: Batcher[Submission, AcceptedItem] = Batcher(self._accept, max_batch)

    async def anchor(self, principal: Principal, request: AnchorRequest, claim: Claim | None = None) -> AcceptedItem:
        """Anchor one file for the principal's organization.

        Raises Forbidden in the personal context, Duplicate, InvalidRequest if the file was uploaded with another hash,
        Replay or IdempotencyMismatch if the key was used before, Unavailable, after which the request may or may not
        have been accepted.
        """
        submission = Submission(owner_of(principal), request, claim)
        if self._max_batch > 1:
            return await self._batcher.submit(submission)
        async with self._database.connection() as connection:
            (outcome,) = await accept(connection, [submission])
        if not isinstance(outcome, AcceptedItem):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Close this process's connection."""
        await self._connection.close()

    async def _accept(self, submissions: Sequence[Submission]) -> Sequence[AcceptedItem | Exception]:
        connection = await self._connection.get()
        try:
            return await accept(connection, submissions)
        except (*CONNECTION_ERRORS, Unavailable):
            self._connection.terminate()
            raise


def owner_of(principal: Principal) -> Owner:
    """Return the owner of what a principal anchors. Raises Forbidden in the personal context."""
    return Owner(principal.own_organization_id, principal.person_id)


async def accept(connection: Connection, submissions: Sequence[Submission]) -> list[AnchorOutcome]:
    """Accept requests, and return the outcome of each. A refused request does not affect the others.

    Outside a transaction, accepted items are durable when this returns. Raises Unavailable.
    """
    ANCHOR_BATCH.observe(len(submissions))
    numbered = dict(enumerate(submissions))
    # Most requests are new and have no idempotency key. One statement accepts them; only the rest needs a transaction.
    unkeyed = {number: submission for number, submission in numbered.items() if submission.claim is None}
    outcomes = dict(await _retry(_insert_new, connection, unkeyed))
    rest = {number: submission for number, submission in numbered.items() if number not in outcomes}
    if rest:
        outcomes |= await _retry(_accept_rest, connection, rest)
    return [outcomes[number] for number in numbered]


async def _retry(attempt: _Attempt, connection: Connection, submissions: _Submissions) -> _Outcomes:
    """Run an attempt again if another process interfered. If one request is invalid data, run them one by one."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return await attempt(connection, submissions)
        except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, _ConflictGone):
            continue  # the other process has finished; look at what it did
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            if len(submissions) == 1:
                raise
            outcomes: dict[int, AnchorOutcome] = {}
            for number, submission in submissions.items():
                outcomes |= await _retry(attempt, connection, {number: submission})
            return outcomes
        except CONNECTION_ERRORS as error:
            raise Unavailable from error
    raise Unavailable


class _ConflictGone(Exception):
    """The item that prevented an insert is gone. Try again."""


async def _insert_new(connection: Connection, submissions: _Submissions) -> _FirstOutcomes:
    """Insert the items that conflict with no other one, in one statement. The outcomes of the others are left out."""
    now = datetime.now(UTC)
    time_text = iso_time(now)
    rows: dict[UUID, tuple[object, ...]] = {}
    numbers: dict[UUID, int] = {}
    hashes = set[bytes]()
    for number, submission in submissions.items():
        request, owner = submission.request, submission.owner
        item_id = request.id or new_id()
        if request.hash in hashes or item_id in rows:
            continue  # it conflicts with an item of this batch, which must be inserted first
        hashes.add(request.hash)
        salt = os.urandom(SALT_BYTES)
        entry = _make_entry(item_id, submission, owner.person_id, salt, time_text)
        rows[item_id] = (
            *(item_id, owner.organization_id, owner.person_id, request.hash, request.size),
            *(request.name, request.metadata, salt, entry),
        )
        numbers[item_id] = number
    if not rows:
        return {}
    accepted = await connection.fetchval(sql.accept_batch, *zip(*rows.values(), strict=True), now)
    return {numbers[item_id]: AcceptedItem(item_id, is_new=True) for item_id in accepted or ()}


async def _accept_rest(connection: Connection, submissions: _Submissions) -> _Outcomes:
    """Accept the requests that have an idempotency key or conflict with an item, in one transaction."""
    claims = {number: claim for number, each in submissions.items() if (claim := each.claim) is not None}

    async def work(numbers: Sequence[int]) -> _FirstOutcomes:
        keyed = {number: submissions[number] for number in numbers if number in claims}
        outcomes = await _insert_new(connection, keyed)
        conflicting = {number: submissions[number] for number in numbers if number not in outcomes}
        return outcomes | await _resolve_conflicts(connection, conflicting)

    async with connection.transaction():
        return await do_each_once(connection, claims, list(submissions), work)


async def _resolve_conflicts(connection: Connection, submissions: _Submissions) -> _FirstOutcomes:
    """Accept the owner's own items that were created or failed before, and refuse the other requests."""
    if not submissions:
        return {}
    requests = [submission.request for submission in submissions.values()]
    rows = await connection.fetch(
        sql.find_conflicting,
        [request.id for request in requests if request.id is not None],
        [request.hash for request in requests],
    )
    by_id = {row["id"]: dict(row) for row in rows}
    by_hash = {
        row["hash"]: (row["id"], row["organization_id"]) for row in rows if row["status"] in (ACCEPTED, ANCHORED)
    }
    outcomes: _FirstOutcomes = {}
    for number, submission in submissions.items():
        request = submission.request
        item = by_id.get(request.id) if request.id is not None else None
        if (error := _find_error(submission, item, by_hash)) is not None:
            outcomes[number] = error
            continue
        if item is None:
            raise _ConflictGone
        await _accept_again(connection, submission, item)
        by_hash[request.hash] = (item["id"], item["organization_id"])
        by_id[item["id"]] = {**item, "hash": request.hash, "status": ACCEPTED}
        outcomes[number] = AcceptedItem(item["id"], is_new=False)
    return outcomes


def _find_error(
    submission: Submission, item: dict[str, Any] | None, by_hash: Mapping[bytes, tuple[UUID, UUID | None]]
) -> DomainError | None:
    """Return why a request is refused, or None. `item` has its id; `by_hash` has the owner of each accepted hash."""
    request, organization_id = submission.request, submission.owner.organization_id
    if item is not None:
        if item["organization_id"] != organization_id:
            return Duplicate("This id is taken. Choose another id, or leave it out.")
        if item["status"] in (ACCEPTED, ANCHORED) and item["hash"] != request.hash:
            return Duplicate("The item with this id is anchored with another hash.", {"id": str(item["id"])})
        if item["has_bytes"] and item["hash"] != request.hash:
            return InvalidRequest("hash is not the hash of the file that was uploaded under this id.", "hash")
    if request.hash in by_hash:
        item_id, owner_id = by_hash[request.hash]
        details: dict[str, object] | None = {"id": str(item_id)} if owner_id == organization_id else None
        return Duplicate("This hash is already anchored.", details)
    return None


async def _accept_again(connection: Connection, submission: Submission, item: dict[str, Any]) -> None:
    """Accept an item that was created or failed before. Raises _ConflictGone if another process was faster."""
    request, salt = submission.request, os.urandom(SALT_BYTES)
    accepted = await connection.fetchval(
        sql.accept_again,
        *(item["id"], item["organization_id"], request.hash, request.size, request.name, request.metadata, salt),
    )
    if accepted is None:
        raise _ConflictGone
    entry = _make_entry(item["id"], submission, item["creator_id"], salt, iso_time(item["created_on"]))
    await append(connection, MEDIA, [(item["id"], entry)])


def _make_entry(item_id: UUID, submission: Submission, creator_id: UUID, salt: bytes, created_on: str) -> bytes:
    request = submission.request
    claims = Claims(
        createdOn=created_on,
        creator=str(creator_id),
        metadata=request.metadata,
        name=request.name,
        organization=str(submission.owner.organization_id or PERSONAL_CONTEXT),
    )
    return MediaEntry(
        claims=commit(salt, claims), id=str(item_id), sha3_512=request.hash.hex(), size=request.size
    ).encode()
