"""Answer under an `Idempotency-Key`: the first time by doing, every other time by saying the same again."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256

import asyncpg
import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, IdempotencyMismatch, Unavailable
from hallmarket.server.http.idempotency import REPLAYED
from hallmarket.server.http.reply import Reply, exchange_error
from hallmarket.server.idempotency.types import Claim, StoredResponse
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

Answer = StoredResponse | IdempotencyMismatch


class IdempotencyStore:
    """The idempotency keys of one transaction's requests, by the request's number in it."""

    def __init__(self, claims: Mapping[int, Claim]) -> None:
        self._claims = claims
        self._first: dict[tuple[object, object, str], int] = {}
        for number, claim in claims.items():
            self._first.setdefault(claim.place, number)

    def is_repeat(self, number: int) -> bool:
        """Whether an earlier request of this very transaction has the same key."""
        return number in self._claims and self._first[self._claims[number].place] != number

    async def claim(self, tx: Connection) -> dict[int, Answer]:
        """Claim every key; those claimed before are answered at once, the first answer or a mismatch."""
        if not self._first:
            return {}
        firsts = {place: self._claims[number] for place, number in self._first.items()}
        organizations, people, keys = zip(*firsts, strict=True)
        digests = [claim.digest for claim in firsts.values()]
        claimed = {tuple(row) for row in await tx.fetch(sql.claim_keys, organizations, people, keys, digests)}
        if len(claimed) == len(firsts):
            return {}
        rows = await tx.fetch(sql.find_stored_responses, organizations, people, keys)
        known = {tuple(row)[:3]: row for row in rows}
        return {
            number: _again(claim, known[claim.place])
            for number, claim in self._claims.items()
            if claim.place not in claimed
        }

    async def keep(self, tx: Connection, told: Mapping[int, StoredResponse]) -> dict[int, Answer]:
        """Keep what the first requests with a key were told, and answer the repeats of this very transaction."""
        told = {number: replay for number, replay in told.items() if number in self._claims}
        if not told:
            return {}
        organizations, people, keys = zip(*(self._claims[number].place for number in told), strict=True)
        statuses, bodies = [replay.status for replay in told.values()], [replay.body for replay in told.values()]
        await tx.execute(sql.store_responses, organizations, people, keys, statuses, bodies)
        repeats: dict[int, Answer] = {}
        for number, claim in self._claims.items():
            first = self._first[claim.place]
            if number != first and first in told:
                repeats[number] = told[first] if claim.digest == self._claims[first].digest else _mismatch()
        return repeats


async def respond_once(
    database: Database, claim: Claim | None, work: Callable[[Connection], Awaitable[StoredResponse]]
) -> Reply:
    """Do `work` in a transaction; if it was done under this key before, say again what it was told, good or bad.

    Raises what `work` raises if there is no key, and always IdempotencyMismatch, Unavailable.
    """
    async with database.transaction() as tx:
        if claim is None:
            told = await work(tx)
            return Reply(told.status, told.body)
        answers = IdempotencyStore({0: claim})
        first = (await answers.claim(tx)).get(0)
        if isinstance(first, IdempotencyMismatch):
            raise first
        if first is not None:
            return Reply(first.status, first.body, (REPLAYED,))
        try:
            async with tx.transaction():
                told = await work(tx)
        except Unavailable:
            raise
        except DomainError as error:
            refused = exchange_error(error)
            told = StoredResponse(refused.status, refused.body)
        await answers.keep(tx, {0: told})
        return Reply(told.status, told.body)


def digest_of(*said: object) -> bytes:
    """What tells a request from another under the same key: what it says, not how its body was written."""
    return sha256(msgspec.json.encode(said)).digest()


def claim_for(principal: Principal, key: str | None, *request: object) -> Claim | None:
    """Return a person's claim to an idempotency key, or None without a key; `request` is everything they ask for."""
    return None if key is None else Claim(PERSONAL_CONTEXT, principal.person_id, key, digest_of(*request))


def _again(claim: Claim, row: asyncpg.Record) -> Answer:
    return StoredResponse(row["status"], row["body"]) if claim.digest == row["request_digest"] else _mismatch()


def _mismatch() -> IdempotencyMismatch:
    return IdempotencyMismatch(
        "This Idempotency-Key came with another request before; use a new key for a new request."
    )


async def delete_expired_responses(database: Database) -> None:
    """Forget the answers that are more than a day old. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_expired_responses)
