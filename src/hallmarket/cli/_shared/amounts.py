"""Amounts of money as people write them, `$12.50` or `1,200 sats`, parsed to integers in minor units."""

import re
from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.output import format_money

if TYPE_CHECKING:
    from hallmarket.client import Asset, Currency

CURRENCIES: "tuple[Currency, ...]" = ("usd", "btc")
CURRENCY_NAMES: "dict[Currency, str]" = {"usd": "dollars", "btc": "bitcoin"}
MAX_AMOUNT_MINOR = 21 * 10**14  # the server's maximum for one transfer
_INTEGER = r"(?P<integer>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)"
_PATTERNS = {
    "usd": re.compile(rf"\$?{_INTEGER}(?:\.(?P<cents>[0-9]{{1,2}}))?"),
    "btc": re.compile(rf"{_INTEGER}(?: ?sats?)?"),
}
_HINTS = {
    "usd": "is not an amount in dollars, which is written 12.50, to the cent",
    "btc": "is not an amount in satoshis, which is a whole number",
}
_MUST_BE_POSITIVE = "an amount must be positive"


class PayingCommand(click.Command):
    """A command with an argument AMOUNT, which reports a negative amount as such instead of as an unknown option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; raises BadParameter if one looks like a negative number."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.match(r"-[$.0-9]", error.option_name) is None:
                raise
            raise click.BadParameter(_MUST_BE_POSITIVE, ctx, param_hint="AMOUNT") from None


class Amount(click.ParamType[int]):
    """The type of an option that takes an amount in one currency; the verb receives minor units."""

    name = "amount"

    def __init__(self, currency: "Currency", min_minor: int = 1) -> None:
        self._currency, self._min_minor = currency, min_minor

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the amount in minor units; raises a usage error."""
        try:
            return value if isinstance(value, int) else parse_amount(value, self._currency, self._min_minor)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_amount(text: str, currency: "Currency", min_minor: int = 1) -> int:
    """Return the minor units of an amount such as 12.50, $1,200 or 1,200 sats; raises ValueError."""
    match = _PATTERNS[currency].fullmatch(text.strip())
    if text.strip().startswith(("-", "$-")):
        raise ValueError(f"{text!r} is not an amount: {_MUST_BE_POSITIVE}")
    if match is None:
        raise ValueError(f"{text!r} {_HINTS[currency]}")
    integer = int(match["integer"].replace(",", ""))
    amount_minor = integer if currency == "btc" else integer * 100 + int((match["cents"] or "").ljust(2, "0"))
    if not min_minor <= amount_minor <= MAX_AMOUNT_MINOR:
        lower, upper = format_money(min_minor, currency), format_money(MAX_AMOUNT_MINOR, currency)
        raise ValueError(f"{text!r} is not between {lower} and {upper}")
    return amount_minor


def parse_argument(text: str, currency: "Currency") -> int:
    """Return the minor units of the argument AMOUNT; raises a usage error."""
    try:
        return parse_amount(text, currency)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="AMOUNT") from None


def to_dollars(cents: int) -> float:
    """Return cents as the API's prices in dollars: the nearest float, which prints with at most two decimals."""
    return cents / 100


def prices_of(asset: "Asset") -> "dict[Currency, int]":
    """Return an asset's price in each currency it is sold in, dollars first, in minor units."""
    prices: dict[Currency, int] = {}
    if asset.price_usd is not None:
        prices["usd"] = round(asset.price_usd * 100)
    if asset.price_sats is not None:
        prices["btc"] = asset.price_sats
    return prices


def format_prices(asset: "Asset") -> str | None:
    """Return an asset's prices for people; None if it has no price."""
    return " or ".join(format_money(amount, currency) for currency, amount in prices_of(asset).items()) or None
