"""Announce sales: notify the buyer and the seller, and write the audit trail."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.audit.record import Event, record_each
from hallmarket.server.database.connections import Connection
from hallmarket.server.notifications.notify import NewNotification, create_notifications
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.types import Order, Sale
from hallmarket.server.wallet.types import money


async def announce_sales(tx: Connection, sales: Sequence[tuple[Order, Sale]]) -> None:
    """Notify both sides of each sale, and record it in the audit trail."""
    await create_notifications(tx, [notice for order, sale in sales for notice in _notices(order, sale)])
    await record_each(tx, [event for order, sale in sales for event in _events(order, sale)])


def _notices(order: Order, sale: Sale) -> tuple[NewNotification, NewNotification]:
    """Return the notifications of a sale: the seller learns who bought, and the buyer receives a receipt."""
    name = sale.asset_name or f"a {sale.asset_type}"
    price = money(sale.price_minor, sale.currency)
    asset = {"assetId": str(sale.asset_id), "assetType": sale.asset_type}

    def notice(person_id: UUID, source_id: UUID, text: str) -> NewNotification:
        content = {"text": text, "asset": asset, "licence_id": str(sale.id), "transfer_id": str(sale.transfer_id)}
        return NewNotification(
            person_id=person_id,
            kind="payment",
            source_id=source_id,
            organization_id=sale.organization_id if person_id == sale.seller_id else None,
            asset_id=sale.asset_id,
            content=content,
        )

    return (
        notice(sale.seller_id, sale.buyer_id, f"{order.buyer.username} bought {name} for {price}"),
        notice(sale.buyer_id, sale.seller_id, f"You bought {name} for {price}"),
    )


def _events(order: Order, sale: Sale) -> list[Event]:
    """Return the audit events of a sale: the buyer's own, and one for the organization that sold the asset.

    The organization learns who bought, but not with which key or from which address.
    """
    details = {
        "licence": str(sale.id),
        "transfer": str(sale.transfer_id),
        "currency": sale.currency,
        "price": sale.price_minor,
    }

    def event(principal: Principal, organization_id: UUID | None) -> Event:
        return Event(
            principal=principal,
            action="asset.purchase",
            organization_id=organization_id,
            subject_id=sale.asset_id,
            details=details,
        )

    if sale.organization_id is None:
        return [event(order.buyer, None)]
    return [event(order.buyer, None), event(order.buyer.without_origin(), sale.organization_id)]
