"""Write a statement: all transactions of a wallet in a period, oldest first, as CSV (RFC 4180)."""

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
from hallmarket.server.http.parameters import read_time
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.transactions import TIME_QUERY
from hallmarket.server.wallet.types import CURRENCIES, Currency

sql = load_queries(__package__)

COLUMNS = ("date", "type", "counterparty", "asset", "message", "amount", "balance", "transfer")
CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
BATCH_ROWS = 1000  # rows that are read and sent together
# The start of a spreadsheet formula: at the start of a cell, or after a separator. Many spreadsheets also split cells
# at semicolons, and ignore the quotes when they do.
FORMULA = re.compile(r"""((?:^|[;\t\r\n])[\s"]*)(?=[=+\-@])""")
SKIPPED = ("\t", "\r", "\n")  # some spreadsheets skip these at the start of a cell
STATEMENT_QUERY: dict[str, Any] = {
    "currency": {"type": "string", "enum": list(CURRENCIES), "default": "usd", "description": "Which wallet."},
    **TIME_QUERY,
}


class StatementRequest(msgspec.Struct, frozen=True):
    """The requested statement: its currency, and its period from `since` (inclusive) to `until` (exclusive)."""

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
    """Yield a statement as CSV, in chunks. Each chunk is one query, so a slow reader holds no connection.

    Raises Unavailable.
    """
    currency, since = request.currency, request.since
    async with database.connection() as connection:
        account = await connection.fetchrow(sql.open_statement, principal.person_id, currency, since, request.until)
    balance = 0 if account is None else account["balance_minor"]
    start = "" if since is None else _time(since)
    yield _csv([COLUMNS, (start, "opening", "", "", "", "", _amount(balance, currency), "")])
    position: tuple[datetime | None, UUID, int] = since, UUID(int=0), 0
    while account is not None:
        async with database.connection() as connection:
            rows = await connection.fetch(sql.list_statement, account["id"], *position, account["until"], BATCH_ROWS)
        lines = []
        for row in rows:
            balance += row["amount_minor"]
            lines.append(_line(row, balance, currency))
        if lines:
            yield _csv(lines)
        if len(rows) < BATCH_ROWS:
            return
        position = rows[-1]["created_on"], rows[-1]["transfer_id"], rows[-1]["line"]


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
    """Return a text that no spreadsheet evaluates as a formula (OWASP, CSV injection)."""
    text = FORMULA.sub(r"\1'", value or "")
    return f"'{text}" if text.startswith(SKIPPED) else text


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _amount(minor: int, currency: Currency) -> str:
    """Write an amount as a number without a currency sign: dollars with two decimals, or whole satoshis."""
    whole, cents = divmod(abs(minor), 100)
    return str(minor) if currency == "btc" else f"{'-' if minor < 0 else ''}{whole}.{cents:02}"


def _csv(lines: Iterable[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()
