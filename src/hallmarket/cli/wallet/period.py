"""The options of `hallmarket wallet` that name a currency and a period."""

from typing import Any

import click

from hallmarket.cli._shared.amounts import CURRENCIES
from hallmarket.cli._shared.options import read_time


def period_options(command: Any) -> Any:
    """Add --currency, --since and --until."""
    command = click.option(
        "--until", metavar="TIME", callback=lambda _, __, text: _time(text, "--until"), help="Only before then."
    )(command)
    command = click.option(
        "--since",
        metavar="TIME",
        callback=lambda _, __, text: _time(text, "--since"),
        help="Only from then on: ISO 8601, such as 2027-01-01, in UTC unless it says otherwise.",
    )(command)
    return click.option(
        "--currency", type=click.Choice(CURRENCIES), default="usd", show_default=True, help="Of this currency."
    )(command)


def _time(text: str | None, option: str) -> str | None:
    return None if text is None else read_time(text, option).isoformat()
