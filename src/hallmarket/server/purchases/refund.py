"""Refund a purchase, partly or completely. A complete refund ends the licence."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.entitlements import revoke_purchased_access
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Forbidden, InsufficientFunds, NotFound
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import record_transfers
from hallmarket.server.wallet.types import FEE, MAX_AMOUNT_MINOR, Currency, Posting, Transfer, money

sql = load_queries(__package__)


class RefundRequest(msgspec.Struct, frozen=True):
    """The amount to refund, in minor units; None refunds the rest of the price."""

    amount: Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: its amount, all refunds of the licence, and the rest of the price, in minor units.

    `id` is the id of the transfer.
    """

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
    """How much of a refund the seller pays, and how much the platform, in minor units."""

    seller_minor: int
    fee_minor: int


async def refund(tx: Connection, principal: Principal, licence_id: UUID, request: RefundRequest) -> Refund:
    """Refund a licence from its seller's wallet.

    The seller may do this, the administrators of the organization that sold the asset, and the server's operator, but
    not the buyer. Raises NotFound, Forbidden, Conflict if less than the amount is left, InsufficientFunds.
    """
    licence = await _lock_licence(tx, principal, licence_id)
    amount_minor = _get_amount(licence, request.amount)
    shares = split_refund(licence["price_minor"], licence["fee_minor"], licence["refunded_minor"], amount_minor)
    transfer = await _transfer_back(tx, principal, licence, shares, request.reason)
    after = await tx.fetchrow(sql.refund_licence, licence_id, amount_minor, shares.seller_minor)
    assert after is not None
    if after["ended"]:
        await revoke_purchased_access(tx, licence["asset_id"], licence["buyer_id"])
    result = Refund(
        id=transfer.id,
        licence_id=licence_id,
        refunded=amount_minor,
        refunded_total=after["refunded_minor"],
        remaining=after["remaining_minor"],
        ended=after["ended"],
        currency=licence["currency"],
        created_at=after["now"],
    )
    await _notify(tx, principal, licence, result, request.reason)
    await record(
        tx,
        principal,
        "asset.refund",
        organization_id=licence["organization_id"],
        person_id=licence["seller_id"],
        subject_id=licence["asset_id"],
        licence=str(licence_id),
        transfer=str(result.id),
        currency=result.currency,
        amount=result.refunded,
        ended=result.ended,
    )
    return result


def split_refund(price_minor: int, fee_minor: int, refunded_minor: int, amount_minor: int) -> Shares:
    """Split a refund between the seller and the platform; `refunded_minor` is the sum of the earlier refunds.

    After any number of refunds, the platform has returned exactly `fee * refunded // price`.
    """
    before = fee_minor * refunded_minor // price_minor
    after = fee_minor * (refunded_minor + amount_minor) // price_minor
    return Shares(amount_minor - (after - before), after - before)


async def _lock_licence(tx: Connection, principal: Principal, licence_id: UUID) -> asyncpg.Record:
    """Lock the licence and its asset: until the transaction ends, nobody refunds the one or buys the other."""
    await tx.execute(sql.lock_asset_of_licence, licence_id)
    licence = await tx.fetchrow(sql.lock_licence, licence_id, principal.actor_id, principal.bound_to)
    if licence is None:
        raise NotFound("There is no such licence.")
    if licence["buyer_id"] == principal.actor_id:
        raise Forbidden(
            "You are the buyer. Only the seller, or an administrator of the seller's organization, can give a refund."
        )
    return licence


def _get_amount(licence: asyncpg.Record, requested_minor: int | None) -> int:
    left_minor: int = licence["price_minor"] - licence["refunded_minor"]
    if not left_minor:
        raise Conflict("The whole price was refunded before, and this licence has ended.")
    if requested_minor is not None and requested_minor > left_minor:
        left = money(left_minor, licence["currency"])
        raise Conflict(
            f"Only {left} of the price is left. Refund at most that amount.",
            {"currency": licence["currency"], "amount": requested_minor, "remaining": left_minor},
        )
    return requested_minor or left_minor


async def _transfer_back(
    tx: Connection, principal: Principal, licence: asyncpg.Record, shares: Shares, reason: str | None
) -> Transfer:
    """Move the shares of the seller and the platform to the buyer. Raises InsufficientFunds."""
    currency, seller_id = licence["currency"], licence["seller_id"]
    seller = (await lock_wallets(tx, [seller_id]))[seller_id, currency]
    if principal.actor_id == seller_id:
        seller.withdraw(shares.seller_minor)
    elif seller.balance_minor < shares.seller_minor:
        # The message and details of `withdraw` would disclose the seller's balance.
        raise InsufficientFunds("The seller's wallet does not hold this amount. No money was moved.")
    amounts = (
        (seller_id, -shares.seller_minor),
        (FEE[currency], -shares.fee_minor),
        (licence["buyer_id"], sum(shares)),
    )
    transfer = Transfer(
        kind="refund",
        currency=currency,
        postings=tuple(Posting(holder_id, amount) for holder_id, amount in amounts if amount),
        actor_id=principal.actor_id,
        asset_id=licence["asset_id"],
        corrects_id=licence["transfer_id"],
        message=reason,
    )
    await record_transfers(tx, [transfer])
    return transfer


async def _notify(
    tx: Connection, principal: Principal, licence: asyncpg.Record, result: Refund, reason: str | None
) -> None:
    """Notify the buyer, and the seller unless they gave the refund themselves."""
    name = licence["asset_name"] or f"a {licence['asset_type']}"
    sender = "An administrator of this server" if principal.means == "operator" else principal.username
    refunded = f"{sender} refunded {money(result.refunded, result.currency)}"
    content: dict[str, Any] = {
        "asset": {"assetId": str(licence["asset_id"]), "assetType": licence["asset_type"]},
        "licence_id": str(result.licence_id),
        "transfer_id": str(result.id),
        "reason": reason,
    }
    subject: dict[str, Any] = {"source_id": principal.actor_id, "asset_id": licence["asset_id"]}
    end = "; your licence has ended" if result.ended else ""
    text = f"{refunded} of what you paid for {name}{end}"
    await notify(tx, "payment", [licence["buyer_id"]], content=content | {"text": text}, **subject)
    text = f"{refunded} of what {licence['buyer_name']} paid you for {name}"
    subject["organization_id"] = licence["organization_id"]
    await notify(tx, "payment", [licence["seller_id"]], content=content | {"text": text}, **subject)
