"""First answers: what a request with an `Idempotency-Key` was told, told again when it comes again."""

import hashlib
from collections.abc import Mapping

import asyncpg
import msgspec

from hallmarket.server.database.pool import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, IdempotencyMismatch
from hallmarket.server.http.reply import media_error, status_of
from hallmarket.server.media.outcome import Claim, Outcome, Replay
from hallmarket.server.media.types import Anchor, Asker

sql = load_queries(__package__)


def make_claim(asker: Asker, key: str, anchor: Anchor, *more: object) -> Claim:
    """A claim to `key` for one request: what it says counts, with `more` of it, not how its body was written."""
    said = [anchor.hash.hex(), anchor.size, anchor.id, anchor.name, anchor.metadata, *more]
    return Claim(asker, key, hashlib.sha256(msgspec.json.encode(said)).digest())


def render(anchor: Anchor, outcome: Outcome) -> Replay:
    """The status and body an outcome is told as."""
    if isinstance(outcome, Replay):
        return outcome
    if isinstance(outcome, DomainError):
        return Replay(status_of(outcome), msgspec.json.encode(media_error(outcome)))
    if outcome.again:
        return Replay(200, msgspec.json.encode({**anchor.echo, "id": outcome.id}))
    return Replay(201, b'{"id":"%s"}' % str(outcome.id).encode())


class FirstAnswers:
    """The idempotency keys of one transaction's requests, by the request's number in it."""

    def __init__(self, claims: Mapping[int, Claim]) -> None:
        self._claims = claims
        self._first: dict[tuple[object, object, str], int] = {}
        for number, claim in claims.items():
            self._first.setdefault(claim.place, number)

    def is_repeat(self, number: int) -> bool:
        """Whether an earlier request of this very transaction has the same key."""
        return number in self._claims and self._first[self._claims[number].place] != number

    async def claim(self, tx: Connection) -> dict[int, Outcome]:
        """Claim every key; those claimed before are answered at once, the first answer or a mismatch."""
        if not self._first:
            return {}
        firsts = {place: self._claims[number] for place, number in self._first.items()}
        organizations, people, keys = zip(*firsts, strict=True)
        digests = [claim.digest for claim in firsts.values()]
        claimed = {
            tuple(row) for row in await tx.fetch(sql.claim_idempotency_keys, organizations, people, keys, digests)
        }
        if len(claimed) == len(firsts):
            return {}
        rows = await tx.fetch(sql.find_first_answers, organizations, people, keys)
        known = {tuple(row)[:3]: row for row in rows}
        return {
            number: _again(claim, known[claim.place]["request_digest"], known[claim.place])
            for number, claim in self._claims.items()
            if claim.place not in claimed
        }

    async def keep(self, tx: Connection, outcomes: Mapping[int, tuple[Anchor, Outcome]]) -> dict[int, Outcome]:
        """Keep the answers given under a key, and answer the repeats of this very transaction."""
        told = {number: render(*outcomes[number]) for number in self._claims if number in outcomes}
        if not told:
            return {}
        places = [self._claims[number].place for number in told]
        organizations, people, keys = zip(*places, strict=True)
        statuses, bodies = [told[number].status for number in told], [told[number].body for number in told]
        await tx.execute(sql.keep_first_answers, organizations, people, keys, statuses, bodies)
        repeats: dict[int, Outcome] = {}
        for number, claim in self._claims.items():
            first = self._first[claim.place]
            if number != first and first in told:
                same = claim.digest == self._claims[first].digest
                repeats[number] = told[first] if same else _mismatch()
        return repeats


def _again(claim: Claim, digest: bytes, row: asyncpg.Record) -> Outcome:
    return Replay(row["status"], row["body"]) if claim.digest == digest else _mismatch()


def _mismatch() -> IdempotencyMismatch:
    return IdempotencyMismatch(
        "This Idempotency-Key came with another request before; use a new key for a new request."
    )


async def forget_first_answers(database: Database) -> None:
    """Forget the answers that are more than a day old. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.forget_first_answers)
