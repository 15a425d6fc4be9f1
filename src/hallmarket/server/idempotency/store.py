"""Do work once for each idempotency key, and store its response in the transaction that does the work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, IdempotencyMismatch, Unavailable
from hallmarket.server.http.idempotency_key import Replay
from hallmarket.server.http.reply import Reply
from hallmarket.server.idempotency.claim import Claim

sql = load_queries(__package__)

Value = TypeVar("Value")


async def do_once(
    database: Database,
    claim: Claim | None,
    work: Callable[[Connection], Awaitable[Value]],
    *,
    store_errors: bool = True,
) -> Value:
    """Do `work` in a transaction of its own, and return what it returns.

    Raises Replay if the request was answered before under its key, IdempotencyMismatch if the key belongs to another
    request, Unavailable, and every error of `work`. An error of `work` is stored like any other response, unless
    `store_errors` is false: then it leaves the key unused, and a repeat tries again.
    """
    async with database.transaction() as tx:
        if claim is None:
            return await work(tx)

        async def attempt(_numbers: Sequence[int]) -> dict[int, Value | DomainError]:
            if not store_errors:
                return {0: await work(tx)}
            try:
                async with tx.transaction():
                    return {0: await work(tx)}
            except Unavailable:
                raise
            except DomainError as error:
                return {0: error}

        outcome = (await do_each_once(tx, {0: claim}, [0], attempt))[0]
    # From here the response is durable, also if it is an error.
    if isinstance(outcome, DomainError | Replay):
        raise outcome
    return outcome


async def do_each_once(
    tx: Connection,
    claims: Mapping[int, Claim],
    numbers: Sequence[int],
    work: Callable[[Sequence[int]], Awaitable[Mapping[int, Value | DomainError]]],
) -> dict[int, Value | DomainError | Replay]:
    """Do the work of several requests in one transaction, and return an outcome for each of their `numbers`.

    `claims` holds the claims of those requests that have a key. `work` receives the numbers of the requests that were
    not answered before, if there are any, and returns an outcome for each of them. The outcome of a repeated request is
    a Replay, or an IdempotencyMismatch if the key belongs to another request.
    """
    first: dict[object, int] = {}  # the first of these requests with each key
    for number, claim in claims.items():
        first.setdefault(claim.unique_key, number)
    earlier = await _claim_keys(tx, claims, first)
    repeats = {
        number: first[claim.unique_key]
        for number, claim in claims.items()
        if number not in earlier and number != first[claim.unique_key]
    }

    new = [number for number in numbers if number not in earlier and number not in repeats]
    outcomes = await work(new) if new else {}

    replies = {number: claims[number].render(outcome) for number, outcome in outcomes.items() if number in claims}
    await _store_responses(tx, claims, replies)
    return {
        **earlier,
        **outcomes,
        **{
            number: _replay(claims[number], claims[original].digest, replies[original].status, replies[original].body)
            for number, original in repeats.items()
        },
    }


async def _claim_keys(
    tx: Connection, claims: Mapping[int, Claim], first: Mapping[object, int]
) -> dict[int, Replay | IdempotencyMismatch]:
    """Claim every key, and return the outcomes of the requests whose keys were claimed before."""
    if not first:
        return {}
    originals = [claims[number] for number in first.values()]
    organizations, people, keys = zip(*(claim.unique_key for claim in originals), strict=True)
    digests = [claim.digest for claim in originals]
    new = {tuple(row) for row in await tx.fetch(sql.claim_keys, organizations, people, keys, digests)}
    if len(new) == len(first):
        return {}
    rows = await tx.fetch(sql.find_stored_responses, organizations, people, keys)
    stored: dict[object, asyncpg.Record] = {(row["organization_id"], row["person_id"], row["key"]): row for row in rows}
    return {
        number: _replay(claim, row["request_digest"], row["status"], row["body"])
        for number, claim in claims.items()
        if claim.unique_key not in new and (row := stored[claim.unique_key])
    }


async def _store_responses(tx: Connection, claims: Mapping[int, Claim], replies: Mapping[int, Reply]) -> None:
    if not replies:
        return
    organizations, people, keys = zip(*(claims[number].unique_key for number in replies), strict=True)
    statuses, bodies = [reply.status for reply in replies.values()], [reply.body for reply in replies.values()]
    await tx.execute(sql.store_responses, organizations, people, keys, statuses, bodies)


def _replay(claim: Claim, first_digest: bytes, status: int, body: bytes) -> Replay | IdempotencyMismatch:
    if claim.digest == first_digest:
        return Replay(status, body)
    return IdempotencyMismatch(
        "This Idempotency-Key was used before with a different request. Use a new key for a new request."
    )


async def delete_expired_responses(database: Database) -> None:
    """Delete the responses that are more than a day old. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_expired_responses)
