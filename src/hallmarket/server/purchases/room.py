"""The room of purchases and licences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from hallmarket.server.errors import Refusal
from hallmarket.server.room import Area, Room, SequencingHandler, Services
from hallmarket.server.settings import Help, Settings, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class PurchasesSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of purchases."""

    platform_fee_bps: Annotated[int, Help("the platform's share of each price, basis points: 250 is 2.5 %", "N")] = 0

    def check(self, server: Settings) -> None:  # noqa: ARG002
        """Raises Refusal for a fee above the price."""
        if self.platform_fee_bps > 10_000:
            raise Refusal("--platform-fee-bps must be at most 10000, which is all of the price.")


class PurchasesRoom(Room):
    """Purchases, licences, refunds and sales."""

    areas = (
        Area(
            "Purchases and licences",
            "Buy assets; prove what you bought; refund what you sold.",
            ("/elements", "/licences", "/wallet/purchase-asset", "/stripe/wallet/purchase-asset"),
        ),
    )
    settings = PurchasesSettings

    def provide(self, services: Services) -> None:
        """Add purchases, which share transactions."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.purchases.purchase import Purchases

        fee_bps = services.settings.of(PurchasesSettings).platform_fee_bps
        services.add(Purchases, lambda: Purchases(services.get(Database), fee_bps))

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of purchases, licences, refunds and sales."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.purchases.licence_routes import licence_routes
        from hallmarket.server.purchases.purchase import Purchases
        from hallmarket.server.purchases.refund_routes import refund_routes
        from hallmarket.server.purchases.routes import purchase_routes
        from hallmarket.server.purchases.sales_routes import sales_routes

        database = services.get(Database)
        return [
            *purchase_routes(services.get(Purchases)),
            *licence_routes(database),
            *refund_routes(database),
            *sales_routes(database, services.settings.of(PurchasesSettings).platform_fee_bps),
        ]

    def sequencing_handlers(self) -> Mapping[str, SequencingHandler]:
        """Mark licences anchored."""
        from hallmarket.proof.entry import LICENCE
        from hallmarket.server.purchases.mark_anchored import mark_licences_anchored

        return {LICENCE: mark_licences_anchored}


ROOM = PurchasesRoom()
