"""Give back what was paid for an asset, in parts or whole; giving back all of it ends the licence."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.entitlements import revoke_purchased_access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Forbidden, InsufficientFunds, NotFound
from hallmarket.server.http.exchange import Data
from hallmarket.server.http.reply import Reply
from hallmarket.server.idempotency.store import claim_for, respond_once
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, record_transfers, require_funds
from hallmarket.server.wallet.types import FEE, MAX_AMOUNT_MINOR, Currency, Posting, Transfer, money

sql = load_queries(__package__)


class RefundWanted(msgspec.Struct, frozen=True):
    """How much to give back, in minor units: without an amount all that is left of the price."""

    amount: Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What was given back now and altogether, and what is left of the price, in minor units; `id` is the transfer's."""

    id: UUID
    licence_id: UUID
    refunded: int
    refunded_total: int
    remaining: int
    ended: bool
    currency: Currency
    status: Literal["completed"] = "completed"
    created_at: datetime


class Shares(NamedTuple):
    """Who gives back how much of a refund, in minor units."""

    seller_minor: int
    fee_minor: int


def share_refund(price_minor: int, fee_minor: int, refunded_minor: int, amount_minor: int) -> Shares:
    """Who gives back an amount of a price of which `refunded_minor` was given back before.

    The fee that has been given back is always `fee * refunded // price`, however many refunds it took.
    """
    before = fee_minor * refunded_minor // price_minor
    after = fee_minor * (refunded_minor + amount_minor) // price_minor
    return Shares(amount_minor - (after - before), after - before)


async def refund_licence(
    database: Database, principal: Principal, idempotency_key: str | None, licence_id: UUID, wanted: RefundWanted
) -> Reply:
    """Give back money for a licence, from its seller's wallet, once for each idempotency key.

    Its seller may, and the administrators of the organization it was sold in, but not to themselves. Raises NotFound,
    Forbidden, Conflict if that much is not left, InsufficientFunds.
    """

    async def work(tx: Connection) -> StoredResponse:
        return StoredResponse(200, msgspec.json.encode(Data(await give_back(tx, principal, licence_id, wanted))))

    claim = claim_for(principal, idempotency_key, f"/licences/{licence_id}/refund", wanted)
    return await respond_once(database, claim, work)


async def give_back(tx: Connection, principal: Principal, licence_id: UUID, wanted: RefundWanted) -> Refund:
    """Give back money for a licence, if `tx` commits. Raises as `refund_licence` does."""
    licence = await _lock_licence(tx, principal, licence_id)
    amount_minor = _choose_amount(licence, wanted.amount)
    shares = share_refund(licence["price_minor"], licence["fee_minor"], licence["refunded_minor"], amount_minor)
    transfer = await _move(tx, principal, licence, shares, wanted.reason)
    after = await tx.fetchrow(sql.refund_licence, licence_id, amount_minor, shares.seller_minor)
    assert after is not None
    if after["ended"]:
        await revoke_purchased_access(tx, licence["asset_id"], licence["buyer_id"])
    refund = Refund(
        id=transfer.id,
        licence_id=licence_id,
        refunded=amount_minor,
        refunded_total=after["refunded_minor"],
        remaining=after["remaining_minor"],
        ended=after["ended"],
        currency=licence["currency"],
        created_at=after["now"],
    )
    await _tell(tx, principal, licence, refund, wanted.reason)
    await record(
        tx,
        principal,
        "asset.refund",
        organization_id=licence["organization_id"],
        person_id=licence["seller_id"],
        subject_id=licence["asset_id"],
        licence=str(licence_id),
        transfer=str(refund.id),
        currency=refund.currency,
        amount=refund.refunded,
        ended=refund.ended,
    )
    return refund


async def _lock_licence(tx: Connection, principal: Principal, licence_id: UUID) -> asyncpg.Record:
    """The licence, which nobody else changes until the transaction ends; nor is its asset bought again meanwhile."""
    await tx.execute(sql.lock_asset_of_licence, licence_id)
    licence = await tx.fetchrow(sql.lock_licence, licence_id, principal.actor_id, principal.bound_to)
    if licence is None:
        raise NotFound("There is no such licence.")
    if licence["buyer_id"] == principal.actor_id:
        raise Forbidden("You bought it; its seller gives money back, or an administrator of the seller's organization.")
    return licence


def _choose_amount(licence: asyncpg.Record, wanted_minor: int | None) -> int:
    left_minor: int = licence["price_minor"] - licence["refunded_minor"]
    if not left_minor:
        raise Conflict("All of its price was given back before; this licence has ended.")
    if wanted_minor is not None and wanted_minor > left_minor:
        left = money(left_minor, licence["currency"])
        details: dict[str, object] = {"currency": licence["currency"], "amount": wanted_minor, "remaining": left_minor}
        raise Conflict(f"{left} is left of its price, and no more than that is given back.", details)
    return wanted_minor or left_minor


async def _move(
    tx: Connection, principal: Principal, licence: asyncpg.Record, shares: Shares, reason: str | None
) -> Transfer:
    """Move the money from the seller, who is locked and must have it, and from the platform, to the buyer."""
    currency, seller_id, buyer_id = licence["currency"], licence["seller_id"], licence["buyer_id"]
    seller = (await lock_wallets(tx, [seller_id]))[seller_id, currency]
    if principal.actor_id == seller_id:
        require_funds(seller.balance_minor, shares.seller_minor, currency)
    elif seller.balance_minor < shares.seller_minor:
        # What is in the seller's wallet is nobody else's to know.
        raise InsufficientFunds("The seller's wallet holds less than that; nothing has moved.")
    buyer = (await find_accounts(tx, [buyer_id]))[buyer_id, currency]
    lines = ((seller.id, -shares.seller_minor), (FEE[currency], -shares.fee_minor), (buyer, sum(shares)))
    transfer = Transfer(
        kind="refund",
        currency=currency,
        postings=tuple(Posting(account_id, amount) for account_id, amount in lines if amount),
        actor_id=principal.actor_id,
        asset_id=licence["asset_id"],
        corrects_id=licence["transfer_id"],
        message=reason,
    )
    await record_transfers(tx, [transfer])
    return transfer


async def _tell(
    tx: Connection, principal: Principal, licence: asyncpg.Record, refund: Refund, reason: str | None
) -> None:
    """Tell the buyer, and the seller if somebody else gave their money back."""
    called = licence["asset_name"] or f"a {licence['asset_type']}"
    gave = f"{_name(principal)} gave back {money(refund.refunded, refund.currency)}"
    content: dict[str, Any] = {
        "asset": {"assetId": str(licence["asset_id"]), "assetType": licence["asset_type"]},
        "licence_id": str(refund.licence_id),
        "transfer_id": str(refund.id),
        "reason": reason,
    }
    about: dict[str, Any] = {"source_id": principal.actor_id, "asset_id": licence["asset_id"]}
    end = "; your licence has ended" if refund.ended else ""
    text = f"{gave} of what you paid for {called}{end}"
    await notify(tx, "payment", [licence["buyer_id"]], content=content | {"text": text}, **about)
    text = f"{gave} of what {licence['buyer_name']} paid you for {called}"
    about["organization_id"] = licence["organization_id"]
    await notify(tx, "payment", [licence["seller_id"]], content=content | {"text": text}, **about)


def _name(principal: Principal) -> str:
    return "An administrator of this server" if principal.means == "operator" else principal.username
