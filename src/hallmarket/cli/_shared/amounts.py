"""Amounts of money as people write and read them: `$12.50`, `1,200 sats`; whole cents and satoshis, never floats."""

import re
from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.output import money_words

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Asset, Currency

CURRENCIES: "tuple[Currency, ...]" = ("usd", "btc")
NAMES: "dict[Currency, str]" = {"usd": "dollars", "btc": "bitcoin"}
MAX_AMOUNT_MINOR = 21 * 10**14  # of one transfer, as the server has it
_WHOLE = r"(?P<whole>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)"
_FORMS = {
    "usd": re.compile(rf"\$?{_WHOLE}(?:\.(?P<cents>[0-9]{{1,2}}))?"),
    "btc": re.compile(rf"{_WHOLE}(?: ?sats?)?"),
}
_HINTS = {
    "usd": "is no amount in dollars, which is written 12.50, to the cent",
    "btc": "is no amount in satoshis, which is a whole number",
}
_POSITIVE = "an amount must be positive"


class PayingCommand(click.Command):
    """A verb with an AMOUNT among its arguments: one below zero is told as that, and not as an option there is not."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As any command does; raises BadParameter for what begins as a negative number."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.match(r"-[$.0-9]", error.option_name) is None:
                raise
            raise click.BadParameter(_POSITIVE, ctx, param_hint="AMOUNT") from None


class Amount(click.ParamType[int]):
    """An option's amount in one currency, given to the verb in minor units."""

    name = "amount"

    def __init__(self, currency: "Currency", min_minor: int = 1) -> None:
        self._currency, self._least_minor = currency, min_minor

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount in minor units; a usage error for what is none."""
        try:
            return value if isinstance(value, int) else read_amount(value, self._currency, self._least_minor)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def read_amount(text: str, currency: "Currency", min_minor: int = 1) -> int:
    """Minor units of an amount as people write it: 12.50, $1,200 or 1,200 sats. Raises ValueError saying what to do."""
    found = _FORMS[currency].fullmatch(text.strip())
    if text.strip().startswith(("-", "$-")):
        raise ValueError(f"{text!r} is no amount: {_POSITIVE}")
    if found is None:
        raise ValueError(f"{text!r} {_HINTS[currency]}")
    whole = int(found["whole"].replace(",", ""))
    amount_minor = whole if currency == "btc" else whole * 100 + int((found["cents"] or "").ljust(2, "0"))
    if not min_minor <= amount_minor <= MAX_AMOUNT_MINOR:
        least, most = money_words(min_minor, currency), money_words(MAX_AMOUNT_MINOR, currency)
        raise ValueError(f"{text!r} is not between {least} and {most}")
    return amount_minor


def read_argument(text: str, currency: "Currency") -> int:
    """Minor units of the argument AMOUNT; a usage error for what is none."""
    try:
        return read_amount(text, currency)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="AMOUNT") from None


def dollars(cents: int) -> float:
    """Cents as prices have them on the wire: the nearest number, which is written with two places at most."""
    return cents / 100


def prices_of(asset: "Asset") -> "dict[Currency, int]":
    """What an asset costs in each currency it has a price in, dollars first, in minor units."""
    prices: dict[Currency, int] = {}
    if asset.price_usd is not None:
        prices["usd"] = round(asset.price_usd * 100)
    if asset.price_sats is not None:
        prices["btc"] = asset.price_sats
    return prices


def price_words(asset: "Asset") -> str | None:
    """What an asset costs, for people; None without a price."""
    return " or ".join(money_words(amount, currency) for currency, amount in prices_of(asset).items()) or None
