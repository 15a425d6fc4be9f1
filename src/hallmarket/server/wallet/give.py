"""Give somebody money: a tip in dollars, or satoshis."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import Data
from hallmarket.server.http.reply import Reply
from hallmarket.server.idempotency.store import claim_for, respond_once
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, move, record_transfers, require_funds
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR, Currency, Transfer, TransferKind, money

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
Message = Annotated[str, msgspec.Meta(max_length=1000)]


class NewTip(msgspec.Struct, frozen=True, rename="camel"):
    """Cents for somebody."""

    recipient_id: UUID
    amount_cents: Amount
    message: Message | None = None


class NewSend(msgspec.Struct, frozen=True, rename="camel"):
    """Satoshis for somebody."""

    recipient_id: UUID
    amount: Amount
    message: Message | None = None


class Tip(msgspec.Struct, frozen=True):
    """The reference's UsdTip; the whole of it reaches the recipient."""

    transaction_id: UUID
    amount_cents: int
    recipient_amount_cents: int
    platform_fee_cents: int = 0


class Sent(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's BitcoinTransfer."""

    id: UUID
    status: str
    total_value: int


class Gift(msgspec.Struct, frozen=True):
    """What both are, and what they are called."""

    kind: TransferKind
    currency: Currency
    recipient_id: UUID
    amount_minor: int
    message: str | None


async def tip(database: Database, principal: Principal, idempotency_key: str | None, wanted: NewTip) -> Reply:
    """Give cents, once under an idempotency key.

    Raises InvalidRequest to give to oneself, NotFound for a recipient that is not, InsufficientFunds,
    IdempotencyMismatch, Unavailable.
    """
    gift = Gift("tip", "usd", wanted.recipient_id, wanted.amount_cents, wanted.message)
    return await _give_once(database, principal, idempotency_key, gift)


async def send(database: Database, principal: Principal, idempotency_key: str | None, wanted: NewSend) -> Reply:
    """Give satoshis, once under an idempotency key. Raises what `tip` does."""
    gift = Gift("send", "btc", wanted.recipient_id, wanted.amount, wanted.message)
    return await _give_once(database, principal, idempotency_key, gift)


async def _give_once(database: Database, principal: Principal, idempotency_key: str | None, gift: Gift) -> Reply:
    claim = claim_for(principal, idempotency_key, gift)
    return await respond_once(database, claim, partial(_give, principal, gift))


async def _give(principal: Principal, gift: Gift, tx: Connection) -> StoredResponse:
    giver = principal
    if gift.recipient_id == giver.person_id:
        raise InvalidRequest("You cannot give money to yourself.", "recipientId")
    await find_someone(tx, str(gift.recipient_id))
    payer = (await lock_wallets(tx, [giver.person_id]))[giver.person_id, gift.currency]
    require_funds(payer.balance_minor, gift.amount_minor, gift.currency)
    payee = (await find_accounts(tx, [gift.recipient_id]))[gift.recipient_id, gift.currency]
    moved = Transfer(
        kind=gift.kind,
        currency=gift.currency,
        postings=move(gift.amount_minor, payer.id, payee),
        actor_id=giver.person_id,
        message=gift.message,
    )
    await record_transfers(tx, [moved])
    await _tell(principal, gift, moved.id, tx)
    told = (
        Data(Tip(moved.id, gift.amount_minor, gift.amount_minor))
        if gift.kind == "tip"
        else Data(Sent(moved.id, "completed", gift.amount_minor))
    )
    return StoredResponse(200, msgspec.json.encode(told))


async def _tell(principal: Principal, gift: Gift, transfer_id: UUID, tx: Connection) -> None:
    """Write it down, and tell the recipient."""
    kind, about = gift.kind, {"transfer": transfer_id, "amount": gift.amount_minor, "currency": gift.currency}
    details: dict[str, Any] = {"subject_id": gift.recipient_id, **about}
    await record(tx, principal, f"wallet.{kind}", **details)
    text = f"{principal.username} sent you {money(gift.amount_minor, gift.currency)}."
    content = {"text": text, "message": gift.message, **about}
    await notify(tx, "payment", [gift.recipient_id], source_id=principal.person_id, content=content)
