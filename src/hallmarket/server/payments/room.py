"""The room of card payments."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from hallmarket.server.errors import Refusal
from hallmarket.server.room import Area, Room, Services
from hallmarket.server.settings import URL_SCHEMES, Help, Settings, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class PaymentsSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of card payments through Stripe."""

    stripe_secret_key: Annotated[str, Help("secret key of a Stripe account, sk_…, to take card payments", "KEY")] = ""
    stripe_webhook_secret: Annotated[
        str, Help("secret with which Stripe signs its events to this server, whsec_…", "SECRET")
    ] = ""
    stripe_api_url: Annotated[str, Help("address of Stripe's API, if it is not Stripe's own", "URL")] = ""

    def check(self, server: Settings) -> None:
        """Raises Refusal if card payments are half set up. The message contains no secret."""
        key, secret = self.stripe_secret_key, self.stripe_webhook_secret
        if self.stripe_api_url and not self.stripe_api_url.startswith(URL_SCHEMES):
            raise Refusal("--stripe-api-url must begin with https:// or http://.")
        if not key and not secret:
            return
        if not key or not secret:
            raise Refusal(
                "--stripe-secret-key and --stripe-webhook-secret go together: "
                "set both to take card payments, or neither."
            )
        if not key.startswith(("sk_", "rk_")) or not secret.startswith("whsec_"):
            raise Refusal(
                "--stripe-secret-key begins with sk_ or rk_, --stripe-webhook-secret with whsec_. "
                "Check that they are not swapped."
            )
        if not server.public_url.startswith(URL_SCHEMES):
            raise Refusal(
                "--stripe-secret-key needs --public-url, https://…: Stripe's page sends people back to that address."
            )
        if find_spec("stripe") is None:
            raise Refusal(
                "--stripe-secret-key needs the package stripe: "
                "run `pip install 'hallmarket[stripe]'`, or leave it unset."
            )


class PaymentsRoom(Room):
    """Card payments into wallets."""

    areas = (
        Area("Card payments", "Dollars into your wallet by card, where the operator has set it up.", ("/stripe",)),
    )
    settings = PaymentsSettings

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of card payments; without a Stripe account they answer that none is set up."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.payments.routes import payments_routes

        settings = services.settings.of(PaymentsSettings)
        gateway = None
        if settings.stripe_secret_key:
            # Imported only here: it loads Stripe's library, which most servers do not need.
            from hallmarket.server.payments.stripe_gateway import StripeGateway

            gateway = StripeGateway(settings.stripe_secret_key, settings.stripe_webhook_secret, settings.stripe_api_url)
            services.add(StripeGateway, lambda: gateway, close=StripeGateway.close)
            services.get(StripeGateway)
        return payments_routes(services.get(Database), gateway, services.settings.public_url)


ROOM = PaymentsRoom()
