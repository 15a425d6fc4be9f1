"""The options of `hallmarket wallet` for a currency and a period."""

from collections.abc import Callable
from typing import Any

import click

from hallmarket.cli._shared.amounts import CURRENCIES
from hallmarket.cli._shared.options import read_time


def period_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --currency, --since and --until."""
    command = click.option(
        "--until",
        metavar="TIME",
        callback=lambda _, __, text: _iso_time(text, "--until"),
        help="Only movements before this time.",
    )(command)
    command = click.option(
        "--since",
        metavar="TIME",
        callback=lambda _, __, text: _iso_time(text, "--since"),
        help="Only movements from this time on: ISO 8601, such as 2027-01-01, in UTC unless it has an offset.",
    )(command)
    return click.option(
        "--currency",
        type=click.Choice(CURRENCIES),
        default="usd",
        show_default=True,
        help="Only movements in this currency.",
    )(command)


def _iso_time(text: str | None, option: str) -> str | None:
    return None if text is None else read_time(text, option).isoformat()
