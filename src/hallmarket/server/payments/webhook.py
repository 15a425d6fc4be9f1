"""Handle Stripe's events. A paid payment is credited exactly once."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

import asyncpg
import structlog

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.notifications.notify import notify
from hallmarket.server.payments.types import METADATA_KEY, Event, EventReversal, EventSession, read_part
from hallmarket.server.principal import WEBHOOK
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import FUNDING, Transfer, money

if TYPE_CHECKING:
    from hallmarket.server.payments.stripe_gateway import StripeGateway

sql = load_queries(__package__)
log = structlog.get_logger()
Outcome = Literal["credited", "noted", "ignored", "disagrees"]

MAX_BODY_BYTES = 256 * 1024
# docs.stripe.com/api/events/types. With some payment methods the money arrives days later: the second type.
PAID_EVENTS = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
END_EVENTS = {"checkout.session.expired": "expired", "checkout.session.async_payment_failed": "failed"}
REVERSAL_EVENTS = ("charge.refunded", "charge.dispute.created")


async def handle_event(database: Database, gateway: "StripeGateway", body: bytes, signature: bytes) -> Outcome:
    """Handle one event. Stripe may send it again, out of order, or several times at the same time.

    Raises InvalidRequest if the signature is invalid or the event cannot be read, Unavailable.
    """
    event = gateway.read_event(body, signature)
    if event.type in REVERSAL_EVENTS:
        return await _log_reversal(database, event)
    if event.type not in PAID_EVENTS and event.type not in END_EVENTS:
        return "ignored"
    session = read_part(event.data.object, EventSession)
    payment_id = _find_payment_id(session)
    if payment_id is None:  # another application uses the same Stripe account
        return "ignored"
    if event.type in END_EVENTS:
        return await _end_payment(database, payment_id, session, END_EVENTS[event.type])
    if session.payment_status != "paid":  # the checkout is complete, but the money has not arrived yet
        return "ignored"
    try:
        async with database.transaction() as tx:
            outcome = await _credit(tx, payment_id, session)
    except asyncpg.UniqueViolationError:  # this payment intent was credited to another payment
        outcome = "disagrees"
    if outcome == "disagrees":
        log.error(
            "Stripe's event does not match the payment; nothing is credited",
            event_id=event.id,
            payment=str(payment_id),
            session=session.id,
            amount=session.amount_total,
            currency=session.currency,
        )
    return outcome


def _find_payment_id(session: EventSession) -> UUID | None:
    """Return the id of the payment in a session's metadata, if it has one."""
    text = (session.metadata or {}).get(METADATA_KEY, "")
    return UUID(text) if UUID_PATTERN.fullmatch(text) else None


async def _credit(tx: Connection, payment_id: UUID, session: EventSession) -> Outcome:
    """Credit a payment unless it was credited before. Other events about it wait for this transaction."""
    row = await tx.fetchrow(sql.lock_payment, payment_id)
    if row is None:
        return "ignored"
    if not _matches(row, session):
        return "disagrees"
    if row["status"] == "paid":
        return "noted"
    person_id, amount = row["person_id"], row["amount_minor"]
    deposit = Transfer(
        kind="deposit",
        currency="usd",
        postings=move(amount, FUNDING["usd"], person_id),
        reference=session.payment_intent or session.id,
    )
    await record_transfers(tx, [deposit])
    await tx.execute(sql.settle_payment, payment_id, session.id, session.payment_intent, deposit.id)
    text = f"Your card payment of {money(amount, 'usd')} has arrived."
    await notify(tx, "deposit", [person_id], content={"text": text, "payment_id": str(payment_id)})
    details = {"payment": str(payment_id), "transfer": str(deposit.id), "amount": amount, "currency": "usd"}
    await record(tx, WEBHOOK, "wallet.deposit", person_id=person_id, subject_id=person_id, **details)
    return "credited"


def _matches(row: asyncpg.Record, session: EventSession) -> bool:
    """Return whether a session has the payment's id, person and amount."""
    return (
        row["session_id"] in (None, session.id)
        and session.client_reference_id == str(row["person_id"])
        and (session.amount_total, session.currency) == (row["amount_minor"], row["currency"])
    )


async def _end_payment(database: Database, payment_id: UUID, session: EventSession, status: str) -> Outcome:
    """Set an unpaid payment to expired or failed. A paid one stays paid."""
    async with database.transaction() as tx:
        row = await tx.fetchrow(sql.lock_payment, payment_id)
        if row is None or row["session_id"] not in (None, session.id):
            return "ignored"
        await tx.execute(sql.end_payment, payment_id, status, session.id)
    return "noted"


async def _log_reversal(database: Database, event: Event) -> Outcome:
    """Log a refund or dispute at Stripe. The operator must correct the wallet: the money may be spent already."""
    reversal = read_part(event.data.object, EventReversal)
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_payment_of_intent, reversal.payment_intent)
    if row is None:
        return "ignored"
    log.warning(
        "money was returned or disputed at Stripe; correct the wallet with `hallmarket admin correct`",
        event_id=event.id,
        type=event.type,
        stripe_object=reversal.id,
        payment=str(row["id"]),
        person=str(row["person_id"]),
        transfer=str(row["transfer_id"]),
    )
    return "noted"
