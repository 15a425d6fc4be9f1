"""Send money to another user: a tip in dollars, or satoshis."""

from typing import Annotated, Any
from uuid import UUID

import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR, Currency, Transfer, TransferKind, money

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
Message = Annotated[str, msgspec.Meta(max_length=1000)]


class NewTip(msgspec.Struct, frozen=True, rename="camel"):
    """A tip to send, in cents."""

    recipient_id: UUID
    amount_cents: Amount
    message: Message | None = None


class NewSend(msgspec.Struct, frozen=True, rename="camel"):
    """Satoshis to send."""

    recipient_id: UUID
    amount: Amount
    message: Message | None = None


class Tip(msgspec.Struct, frozen=True):
    """A tip that was sent: the reference's UsdTip. There is no fee, so the recipient receives all of it."""

    transaction_id: UUID
    amount_cents: int
    recipient_amount_cents: int
    platform_fee_cents: int = 0


class BitcoinTransfer(msgspec.Struct, frozen=True, rename="camel"):
    """Satoshis that were sent: the reference's BitcoinTransfer."""

    id: UUID
    status: str
    total_value: int


async def tip(tx: Connection, principal: Principal, request: NewTip) -> Tip:
    """Send cents to another user.

    Raises InvalidRequest if the recipient is the sender, NotFound if there is no such user, InsufficientFunds.
    """
    amount = request.amount_cents
    transfer_id = await _send(tx, principal, "tip", "usd", request.recipient_id, amount, request.message)
    return Tip(transfer_id, amount, amount)


async def send_sats(tx: Connection, principal: Principal, request: NewSend) -> BitcoinTransfer:
    """Send satoshis to another user. Raises as `tip`."""
    amount = request.amount
    transfer_id = await _send(tx, principal, "send", "btc", request.recipient_id, amount, request.message)
    return BitcoinTransfer(transfer_id, "completed", amount)


async def _send(
    tx: Connection,
    principal: Principal,
    kind: TransferKind,
    currency: Currency,
    recipient_id: UUID,
    amount_minor: int,
    message: str | None,
) -> UUID:
    """Move the money, write the audit event, notify the recipient, and return the transfer's id."""
    sender_id = principal.person_id
    if recipient_id == sender_id:
        raise InvalidRequest("You cannot send money to yourself. Choose another recipient.", "recipientId")
    await get_person_id(tx, str(recipient_id))
    wallets = await lock_wallets(tx, [sender_id])
    wallets[sender_id, currency].withdraw(amount_minor)
    transfer = Transfer(
        kind=kind,
        currency=currency,
        postings=move(amount_minor, sender_id, recipient_id),
        actor_id=sender_id,
        message=message,
    )
    await record_transfers(tx, [transfer])
    details: dict[str, Any] = {"transfer": transfer.id, "amount": amount_minor, "currency": currency}
    await record(tx, principal, f"wallet.{kind}", subject_id=recipient_id, **details)
    text = f"{principal.username} sent you {money(amount_minor, currency)}."
    content = {"text": text, "message": message, **details}
    await notify(tx, "payment", [recipient_id], source_id=sender_id, content=content)
    return transfer.id
