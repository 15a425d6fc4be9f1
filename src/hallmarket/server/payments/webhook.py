"""Take Stripe's word that something happened; credit what was paid, exactly once."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

import asyncpg
import structlog

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.http.exchange import UUID_TEXT
from hallmarket.server.notifications.notify import notify
from hallmarket.server.payments.types import METADATA, Event, Reversal, SessionOfEvent, read_part
from hallmarket.server.principal import OPERATOR
from hallmarket.server.wallet.transfer import find_accounts, move, record_transfers
from hallmarket.server.wallet.types import FUNDING, Transfer, money

if TYPE_CHECKING:
    from hallmarket.server.payments.remote import Remote

sql = load_queries(__package__)
log = structlog.get_logger()
Outcome = Literal["credited", "noted", "ignored", "disagrees"]

MAX_BODY_BYTES = 256 * 1024
# docs.stripe.com/api/events/types; the second tells of money that arrives days after the page was left.
PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
ENDS = {"checkout.session.expired": "expired", "checkout.session.async_payment_failed": "failed"}
REVERSALS = ("charge.refunded", "charge.dispute.created")


async def take_event(database: Database, remote: "Remote", body: bytes, signature: bytes) -> Outcome:
    """What came of an event. It may come again, later than others, or several times at once.

    Raises InvalidRequest unless Stripe has signed it and it can be read, Unavailable.
    """
    event = remote.read_event(body, signature)
    if event.type in REVERSALS:
        return await _note_reversal(database, event)
    if event.type not in PAID and event.type not in ENDS:
        return "ignored"
    session = read_part(event.data.object, SessionOfEvent)
    payment_id = _payment_of(session)
    if payment_id is None:  # of somebody else who uses the same account at Stripe
        return "ignored"
    if event.type in ENDS:
        return await _end(database, payment_id, session, ENDS[event.type])
    if session.payment_status != "paid":  # the page is done with, the money is on its way
        return "ignored"
    try:
        async with database.transaction() as tx:
            outcome = await _credit(tx, payment_id, session)
    except asyncpg.UniqueViolationError:  # this very money was credited to another payment
        outcome = "disagrees"
    if outcome == "disagrees":
        log.error(
            "Stripe says that something else was paid than was asked for; nothing is credited",
            event_id=event.id,
            payment=str(payment_id),
            session=session.id,
            amount=session.amount_total,
            currency=session.currency,
        )
    return outcome


def _payment_of(session: SessionOfEvent) -> UUID | None:
    """The payment that a session says it is for."""
    told = (session.metadata or {}).get(METADATA, "")
    return UUID(told) if UUID_TEXT.fullmatch(told) else None


async def _credit(tx: Connection, payment_id: UUID, session: SessionOfEvent) -> Outcome:
    """Credit what was paid, unless it has been. Whatever else comes about this payment meanwhile waits here."""
    row = await tx.fetchrow(sql.lock_payment, payment_id)
    if row is None:
        return "ignored"
    if not _agree(row, session):
        return "disagrees"
    if row["status"] == "paid":
        return "noted"
    person_id, amount = row["person_id"], row["amount_minor"]
    accounts = await find_accounts(tx, [person_id])
    deposit = Transfer(
        kind="deposit",
        currency="usd",
        postings=move(amount, FUNDING["usd"], accounts[person_id, "usd"]),
        reference=session.payment_intent or session.id,
    )
    await record_transfers(tx, [deposit])
    await tx.execute(sql.settle_payment, payment_id, session.id, session.payment_intent, deposit.id)
    text = f"Your card payment of {money(amount, 'usd')} has arrived."
    await notify(tx, "deposit", [person_id], content={"text": text, "payment_id": str(payment_id)})
    told = {"payment": str(payment_id), "transfer": str(deposit.id), "amount": amount, "currency": "usd"}
    await record(tx, OPERATOR, "wallet.deposit", person_id=person_id, subject_id=person_id, **told)
    return "credited"


def _agree(row: asyncpg.Record, session: SessionOfEvent) -> bool:
    """Whether Stripe speaks of this payment's session, person and amount."""
    return (
        row["session_id"] in (None, session.id)
        and session.client_reference_id == str(row["person_id"])
        and (session.amount_total, session.currency) == (row["amount_minor"], row["currency"])
    )


async def _end(database: Database, payment_id: UUID, session: SessionOfEvent, status: str) -> Outcome:
    """Nobody will pay any more; what was paid before stays so."""
    async with database.transaction() as tx:
        row = await tx.fetchrow(sql.lock_payment, payment_id)
        if row is None or row["session_id"] not in (None, session.id):
            return "ignored"
        await tx.execute(sql.end_payment, payment_id, status, session.id)
    return "noted"


async def _note_reversal(database: Database, event: Event) -> Outcome:
    """Leave to the operator what was given back, or is disputed, at Stripe: it may have been spent here."""
    about = read_part(event.data.object, Reversal)
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_payment_of_intent, about.payment_intent)
    if row is None:
        return "ignored"
    log.warning(
        "money is taken back at Stripe; the wallet still holds it until an administrator corrects it",
        event_id=event.id,
        type=event.type,
        stripe_object=about.id,
        payment=str(row["id"]),
        person=str(row["person_id"]),
        transfer=str(row["transfer_id"]),
    )
    return "noted"
