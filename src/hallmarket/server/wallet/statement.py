"""A statement: all that moved in a wallet within a time, oldest first, as CSV (RFC 4180)."""

import csv
import io
import re
from collections.abc import AsyncGenerator, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.paging import read_time
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.history import TIME_QUERY
from hallmarket.server.wallet.transfer import CURRENCIES
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)

COLUMNS = ("date", "type", "counterparty", "asset", "message", "amount", "balance", "transfer")
CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
ROWS = 1000  # read and sent at a time
# Where a spreadsheet begins a cell with a formula. Many split lines at semicolons, and then take no notice of quotes.
FORMULA = re.compile(r"""((?:^|[;\t\r\n])[\s"]*)(?=[=+\-@])""")
BEFORE = ("\t", "\r", "\n")  # what some step over at the beginning
STATEMENT_QUERY: dict[str, Any] = {
    "currency": {"type": "string", "enum": list(CURRENCIES), "default": "usd", "description": "Which wallet."},
    **TIME_QUERY,
}


class StatementRequest(msgspec.Struct, frozen=True):
    """Which statement: of which currency, from when (inclusive) until when (exclusive)."""

    currency: Currency
    since: datetime | None
    until: datetime | None


def read_statement_request(query: dict[str, str]) -> StatementRequest:
    """Read `currency`, `since` and `until` of a query. Raises InvalidRequest."""
    return StatementRequest(_read_currency(query), read_time(query, "since"), read_time(query, "until"))


def _read_currency(query: dict[str, str]) -> Currency:
    for currency in CURRENCIES:
        if query.get("currency", "usd") == currency:
            return currency
    raise InvalidRequest(f"currency must be one of {', '.join(CURRENCIES)}.", "currency")


async def write_statement(
    database: Database, principal: Principal, request: StatementRequest
) -> AsyncGenerator[bytes, None]:
    """Yield a statement as CSV, piece by piece. Each piece is a query, so a slow reader holds no connection.

    Raises Unavailable.
    """
    currency, since = request.currency, request.since
    async with database.connection() as connection:
        opened = await connection.fetchrow(sql.open_statement, principal.person_id, currency, since, request.until)
    balance = 0 if opened is None else opened["balance_minor"]
    begin = "" if since is None else _time(since)
    yield _csv([COLUMNS, (begin, "opening", "", "", "", "", _amount(balance, currency), "")])
    place: tuple[datetime | None, UUID, int] = since, UUID(int=0), 0
    while opened is not None:
        async with database.connection() as connection:
            rows = await connection.fetch(sql.list_statement, opened["id"], *place, opened["until"], ROWS)
        lines = []
        for row in rows:
            balance += row["amount_minor"]
            lines.append(_line(row, balance, currency))
        if lines:
            yield _csv(lines)
        if len(rows) < ROWS:
            return
        place = rows[-1]["created_on"], rows[-1]["transfer_id"], rows[-1]["line"]


def _line(row: asyncpg.Record, balance_minor: int, currency: Currency) -> tuple[str, ...]:
    return (
        _time(row["created_on"]),
        row["kind"],
        _text(row["username"]),
        _text(row["asset"]),
        _text(row["message"]),
        _amount(row["amount_minor"], currency),
        _amount(balance_minor, currency),
        str(row["transfer_id"]),
    )


def _text(value: str | None) -> str:
    """Somebody's words as a spreadsheet shows them, and does not reckon with them (OWASP, CSV injection)."""
    text = FORMULA.sub(r"\1'", value or "")
    return f"'{text}" if text.startswith(BEFORE) else text


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _amount(minor: int, currency: Currency) -> str:
    """Dollars with two decimals, whole satoshis: numbers for a spreadsheet, without signs of a currency."""
    whole, cents = divmod(abs(minor), 100)
    return str(minor) if currency == "btc" else f"{'-' if minor < 0 else ''}{whole}.{cents:02}"


def _csv(lines: Iterable[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()
