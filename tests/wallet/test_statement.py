"""Statements: what the CSV says is what moved, with a balance that begins and ends right, whatever people wrote."""

import asyncio
import csv
import io
import re
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.organizations import Organization, User, new_organization
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.wallets import balance, credit
from hallmarket.server.wallet import statement
from hallmarket.server.wallet.transfer import find_accounts, move, record_transfers
from hallmarket.server.wallet.types import FUNDING, Transfer

COLUMNS = ["date", "type", "counterparty", "asset", "message", "amount", "balance", "transfer"]
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
beginnings = ["", "=", "+", "-", "@", "\t", "\r", "\n", '"', ",", "'=", "a;=", 'a; "+', "a\n@", "a\t-"]
texts = st.builds(str.__add__, st.sampled_from(beginnings), words)


def read(someone: User, **query: object) -> list[dict[str, str]]:
    """The lines of a statement after its header."""
    response = someone.client.get("/wallet/statement", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    header, *lines = csv.reader(io.StringIO(response.content.decode(), newline=""), strict=True)
    assert header == COLUMNS
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def minor(amount: str) -> int:
    """Cents of dollars as a statement has them."""
    whole, _, cents = amount.removeprefix("-").partition(".")
    assert len(cents) == 2
    return (-1 if amount.startswith("-") else 1) * (int(whole) * 100 + int(cents))


@pytest.fixture(scope="module")
def pair(server: Server) -> Any:
    """Two people who give each other money, with enough of it."""
    with new_organization(server) as org:
        people = org.new_user(), org.new_user()
        for someone in people:
            credit(server, someone.id, 10**6)
        yield people


@settings(max_examples=8)
@given(
    wanted=st.lists(st.tuples(st.booleans(), st.integers(1, 5000), texts), min_size=1, max_size=5),
    places=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
)
def test_statement_adds_up(server: Server, pair: Any, wanted: Any, places: tuple[int, int]) -> None:
    """From any moment to any other, every line's balance is that before it and its amount, and the last is the end."""
    for forth, cents, message in wanted:
        giver, taker = pair if forth else reversed(pair)
        body = {"recipientId": taker.id, "amountCents": cents, "message": message}
        giver.call("POST", "/stripe/wallet/tip", json=body)
    for someone in pair:
        opening, *lines = read(someone)
        assert (opening["type"], opening["date"], opening["balance"]) == ("opening", "", "0.00")
        assert minor(lines[-1]["balance"]) == balance(server, someone.id)
        held = 0
        for line in lines:
            held += minor(line["amount"])
            assert minor(line["balance"]) == held >= 0
        told = [line["message"] for line in lines[-len(wanted) :]]
        assert [text.replace("'", "") for text in told] == [message.replace("'", "") for _, _, message in wanted]
        assert not any(text.startswith(("\t", "\r", "\n")) for text in told)
        cells = [cell for text in told for cell in re.split(r"[;\t\r\n]", text)]
        assert not any(cell.lstrip(' "').startswith(("=", "+", "-", "@")) for cell in cells)
        first, last = sorted(place % len(lines) for place in places)
        part = read(someone, since=lines[first]["date"], until=lines[last]["date"])
        assert part[1:] == lines[first:last]
        assert part[0]["balance"] == (lines[first - 1]["balance"] if first else "0.00")


def test_long_statement(org: Organization, server: Server) -> None:
    """A statement of more lines than are read at a time has each once, in order, though many have the same time."""
    someone, count = org.new_user(), statement.ROWS * 2 + 1

    async def fill() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                account = (await find_accounts(connection, [UUID(someone.id)]))[UUID(someone.id), "btc"]
                made = [
                    Transfer(kind="credit", currency="btc", postings=move(number, FUNDING["btc"], account))
                    for number in range(1, count + 1)
                ]
                await record_transfers(connection, made)
        finally:
            await connection.close()

    asyncio.run(fill())
    _, *lines = read(someone, currency="btc")
    assert [int(line["amount"]) for line in lines] == list(range(1, count + 1))
    assert int(lines[-1]["balance"]) == count * (count + 1) // 2 == balance(server, someone.id, "btc")
    moments = [datetime.fromisoformat(line["date"]) for line in lines]
    assert moments == sorted(moments)


def test_statements_of_nothing(org: Organization) -> None:
    """Who never had money has a statement of one line; a wrong currency or time is 400; HEAD has no body."""
    someone = org.new_user()
    (opening,) = read(someone, currency="btc", since="2026-01-01")
    assert (opening["date"], opening["balance"]) == ("2026-01-01T00:00:00.000000+00:00", "0")
    for wrong in ({"currency": "eur"}, {"since": "yesterday"}, {"until": "x"}):
        assert_exchange_error(someone.client.get("/wallet/statement", params=wrong), 400, "invalid_request")
    asked = someone.client.head("/wallet/statement")
    assert (asked.status_code, asked.content) == (200, b"")
