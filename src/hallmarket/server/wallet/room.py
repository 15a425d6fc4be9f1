"""The room of wallets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, LongRunningTask, MaintenanceTask, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class WalletRoom(Room):
    """Wallets: balances, history, tips, sends and statements."""

    areas = (
        Area(
            "Wallet",
            "Your balance, its history, and sending money; cents and satoshis are whole numbers.",
            ("/wallet", "/stripe/wallet", "/stripe/usage"),
        ),
    )
    scopes = ("wallet:read", "wallet:write")

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of wallets."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.wallet.routes import wallet_routes

        return wallet_routes(services.get(Database))

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Fold pending postings into balances."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.wallet.fold_pending import fold_pending

        return [lambda: fold_pending(services.get(Database))]

    def long_running(self, services: Services) -> Sequence[LongRunningTask]:
        """Fold busy accounts every few seconds."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.wallet.fold_pending import fold_busy_accounts

        return [lambda: fold_busy_accounts(services.get(Database))]


ROOM = WalletRoom()
