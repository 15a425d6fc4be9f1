"""Begin a card payment, and say how it stands."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, InvalidRequest, NotFound, Unavailable
from hallmarket.server.idempotency.store import claim_for, respond_once
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.payments.types import NewCheckout, NoSessionError, Payment, Trouble, WireCheckout, WirePayment
from hallmarket.server.principal import Principal

if TYPE_CHECKING:
    from hallmarket.server.payments.remote import Remote

sql = load_queries(__package__)
RETURN_PATH = "/stripe/returned"
AWAY = (
    "Stripe cannot be reached at the moment, or does not let this server in. Try again with the same Idempotency-Key:"
    " the same payment goes on, and nothing is charged twice."
)
UNSAFE = frozenset('\\"<>^`| ')


async def begin_checkout(
    database: Database,
    remote: "Remote",
    public_url: str,
    principal: Principal,
    idempotency_key: str | None,
    wanted: NewCheckout,
) -> tuple[WireCheckout, bool]:
    """Begin a payment; says where to pay, and whether that was told before.

    The payment is durable before Stripe hears of it, and Stripe is asked outside any transaction. What is kept under
    the Idempotency-Key is which payment it is: a repeat goes on with that one, and once Stripe's page is known it tells
    the same, byte for byte. Raises InvalidRequest, IdempotencyMismatch, Conflict if Stripe refuses, Unavailable.
    """
    pages = _pages(public_url, wanted)
    person_id = principal.person_id

    async def create(tx: Connection) -> StoredResponse:
        payment_id = new_id()
        await tx.execute(sql.create_payment, payment_id, person_id, wanted.amount_cents)
        return StoredResponse(200, msgspec.json.encode(payment_id))

    claim = claim_for(principal, idempotency_key, "checkout", wanted.amount_cents, *pages)
    begun = await respond_once(database, claim, create)
    payment_id = msgspec.json.decode(begun.body, type=UUID)
    row = await _get(database, payment_id, person_id)
    told_before = row["url"] is not None
    if row["status"] == "created":
        await _open(database, remote, Payment(payment_id, person_id, row["amount_minor"], row["attempt"], *pages))
        row = await _get(database, payment_id, person_id)
    if row["url"] is None:
        what = "was refused by Stripe" if row["status"] == "failed" else f"is {row['status']}"
        raise Conflict(f"This payment {what}; begin another one with a new Idempotency-Key.")
    return WireCheckout(payment_id, row["url"], row["amount_minor"], "open", row["expires_on"]), told_before


async def get_payment(database: Database, principal: Principal, payment_id: UUID) -> WirePayment:
    """How one of a person's payments stands. Raises NotFound, Unavailable."""
    row = await _get(database, payment_id, principal.person_id)
    return WirePayment(
        id=payment_id,
        url=row["url"] if row["status"] == "open" else None,
        amount_cents=row["amount_minor"],
        status=row["status"],
        expires_at=row["expires_on"],
        created_at=row["created_on"],
    )


async def _get(database: Database, payment_id: UUID, person_id: UUID) -> asyncpg.Record:
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_payment, payment_id, person_id)
    if row is None:
        raise NotFound("You have no such payment.")
    return row


async def _open(database: Database, remote: "Remote", payment: Payment) -> None:
    """Have Stripe make the payment's session, and write down what came of it."""
    try:
        session = await remote.create_session(payment)
    except NoSessionError as error:
        async with database.connection() as connection:
            if error.trouble is Trouble.BROKEN:
                await connection.execute(sql.count_attempt, payment.id, payment.attempt)
            if error.trouble is Trouble.REFUSED:
                await connection.execute(sql.refuse_payment, payment.id)
                return
        raise Unavailable(AWAY) from None
    # A session that is lost from here on is made known again by the next repeat; nobody has been told of it.
    async with database.connection() as connection:
        await connection.execute(sql.open_payment, payment.id, session.id, session.url, session.expires_on)


def _pages(public_url: str, wanted: NewCheckout) -> tuple[str, str]:
    """Where Stripe sends the browser when it is paid, and when it is not."""
    return (
        _own_page(public_url, wanted.success_url, "successUrl"),
        _own_page(public_url, wanted.cancel_url, "cancelUrl"),
    )


def _own_page(public_url: str, wanted: str | None, field: str) -> str:
    """A page of this server's own address: elsewhere, somebody who paid could be led to another's.

    Raises InvalidRequest.
    """
    if wanted is None:
        return public_url + RETURN_PATH
    if wanted.isascii() and wanted.isprintable() and UNSAFE.isdisjoint(wanted):
        own = urlsplit(public_url)
        origin = f"{own.scheme}://{own.netloc}"
        if wanted == origin or wanted.startswith((origin + "/", origin + "?")):
            return wanted
    raise InvalidRequest(f"{field} must be a page of this server's own address, {public_url}/….", field)
