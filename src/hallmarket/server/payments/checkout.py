"""Begin a card payment, and get its state."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, InvalidRequest, NotFound, Unavailable
from hallmarket.server.http.idempotency_key import Replay
from hallmarket.server.http.reply import Reply
from hallmarket.server.idempotency.claim import Claim, claim_for
from hallmarket.server.idempotency.store import do_once
from hallmarket.server.payments.types import (
    NewCheckout,
    PaymentOrder,
    SessionFailure,
    SessionNotCreated,
    WireCheckout,
    WirePayment,
)
from hallmarket.server.principal import Principal

if TYPE_CHECKING:
    from hallmarket.server.payments.stripe_gateway import StripeGateway

sql = load_queries(__package__)
RETURN_PATH = "/stripe/returned"
UNREACHABLE = (
    "Stripe is unreachable, or rejects this server's key. Try again with the same Idempotency-Key: the payment"
    " continues, and nothing is charged twice."
)
UNSAFE_CHARACTERS = frozenset('\\"<>^`| ')


class Checkout(NamedTuple):
    """An open payment. `is_replay` is true if an earlier request already received this response."""

    payment: WireCheckout
    is_replay: bool


async def begin_checkout(
    database: Database,
    gateway: "StripeGateway",
    public_url: str,
    principal: Principal,
    request: NewCheckout,
    idempotency_key: str | None = None,
) -> Checkout:
    """Begin a payment, and return the page to pay on.

    The payment is durable before Stripe receives it, and Stripe is called outside any transaction. The payment's id is
    stored under the idempotency key: a repeat continues with the same payment, and returns the same page once Stripe
    has created it. Raises InvalidRequest, IdempotencyMismatch, Conflict if Stripe refuses the payment, Unavailable.
    """
    success_url = _own_page(public_url, request.success_url, "successUrl")
    cancel_url = _own_page(public_url, request.cancel_url, "cancelUrl")
    claim = claim_for(
        principal,
        idempotency_key,
        *("checkout", request.amount_cents, success_url, cancel_url),
        render=_render_id,
    )
    payment_id = await _create_payment(database, principal, request.amount_cents, claim)
    row = await _get_row(database, principal, payment_id)
    is_replay = row["url"] is not None
    if row["status"] == "created":
        order = PaymentOrder(
            *(payment_id, principal.person_id, row["amount_minor"], row["attempt"], success_url, cancel_url)
        )
        await _create_session(database, gateway, order)
        row = await _get_row(database, principal, payment_id)
    if row["url"] is None:
        what = "was refused by Stripe" if row["status"] == "failed" else f"is {row['status']}"
        raise Conflict(f"This payment {what}. Begin another one with a new Idempotency-Key.")
    return Checkout(WireCheckout(payment_id, row["url"], row["amount_minor"], "open", row["expires_on"]), is_replay)


async def get_payment(database: Database, principal: Principal, payment_id: UUID) -> WirePayment:
    """Get the state of one of the principal's payments. Raises NotFound, Unavailable."""
    row = await _get_row(database, principal, payment_id)
    return WirePayment(
        id=payment_id,
        url=row["url"] if row["status"] == "open" else None,
        amount_cents=row["amount_minor"],
        status=row["status"],
        expires_at=row["expires_on"],
        created_at=row["created_on"],
    )


async def _create_payment(database: Database, principal: Principal, amount_cents: int, claim: Claim | None) -> UUID:
    """Create a payment, or find the one that an earlier request created under the same key."""

    async def create(tx: Connection) -> UUID:
        payment_id = new_id()
        await tx.execute(sql.create_payment, payment_id, principal.person_id, amount_cents)
        return payment_id

    try:
        return await do_once(database, claim, create)
    except Replay as replay:
        return msgspec.json.decode(replay.reply.body, type=UUID)


def _render_id(outcome: UUID) -> Reply:
    return Reply(200, msgspec.json.encode(outcome))


async def _get_row(database: Database, principal: Principal, payment_id: UUID) -> asyncpg.Record:
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_payment, payment_id, principal.person_id)
    if row is None:
        raise NotFound("You have no payment with this id.")
    return row


async def _create_session(database: Database, gateway: "StripeGateway", order: PaymentOrder) -> None:
    """Have Stripe create the payment's session, and store the result. Raises Unavailable."""
    try:
        session = await gateway.create_session(order)
    except SessionNotCreated as error:
        async with database.connection() as connection:
            if error.failure is SessionFailure.BROKEN:
                await connection.execute(sql.count_attempt, order.id, order.attempt)
            if error.failure is SessionFailure.REFUSED:
                await connection.execute(sql.refuse_payment, order.id)
                return
        raise Unavailable(UNREACHABLE) from None
    # A crash here loses only our copy of the session: the next repeat receives the same session from Stripe.
    async with database.connection() as connection:
        await connection.execute(sql.open_payment, order.id, session.id, session.url, session.expires_on)


def _own_page(public_url: str, url: str | None, field: str) -> str:
    """Return the page to which Stripe sends the browser; the default is RETURN_PATH.

    Raises InvalidRequest unless the page is at this server's own address: a payer must not be sent to another site.
    """
    if url is None:
        return public_url + RETURN_PATH
    if url.isascii() and url.isprintable() and UNSAFE_CHARACTERS.isdisjoint(url):
        own = urlsplit(public_url)
        origin = f"{own.scheme}://{own.netloc}"
        if url == origin or url.startswith((origin + "/", origin + "?")):
            return url
    raise InvalidRequest(f"{field} must be a page of this server's own address, {public_url}/….", field)
