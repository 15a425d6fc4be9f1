"""Statements: the CSV lists every transaction with the correct balance, and contains no spreadsheet formula."""

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
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import FUNDING, Transfer

COLUMNS = ["date", "type", "counterparty", "asset", "message", "amount", "balance", "transfer"]
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
prefixes = ["", "=", "+", "-", "@", "\t", "\r", "\n", '"', ",", "'=", "a;=", 'a; "+', "a\n@", "a\t-"]
texts = st.builds(str.__add__, st.sampled_from(prefixes), words)


def read(person: User, **query: object) -> list[dict[str, str]]:
    """Return the lines of a person's statement, without the header."""
    response = person.client.get("/wallet/statement", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    header, *lines = csv.reader(io.StringIO(response.content.decode(), newline=""), strict=True)
    assert header == COLUMNS
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def cents_of(amount: str) -> int:
    """Return the cents of an amount in dollars, as a statement writes it."""
    whole, _, cents = amount.removeprefix("-").partition(".")
    assert len(cents) == 2
    return (-1 if amount.startswith("-") else 1) * (int(whole) * 100 + int(cents))


@pytest.fixture(scope="module")
def pair(server: Server) -> Any:
    """Two people with enough money to send each other tips."""
    with new_organization(server) as org:
        people = org.new_user(), org.new_user()
        for person in people:
            credit(server, person.id, 10**6)
        yield people


@settings(max_examples=8)
@given(
    tips=st.lists(st.tuples(st.booleans(), st.integers(1, 5000), texts), min_size=1, max_size=5),
    bounds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
)
def test_balances_add_up_in_every_period(server: Server, pair: Any, tips: Any, bounds: tuple[int, int]) -> None:
    """In a statement of any period, each line's balance is the previous balance plus the line's amount."""
    for is_first, cents, message in tips:
        sender, recipient = pair if is_first else reversed(pair)
        body = {"recipientId": recipient.id, "amountCents": cents, "message": message}
        sender.call("POST", "/stripe/wallet/tip", json=body)
    for person in pair:
        opening, *lines = read(person)
        assert (opening["type"], opening["date"], opening["balance"]) == ("opening", "", "0.00")
        assert cents_of(lines[-1]["balance"]) == balance(server, person.id)
        expected = 0
        for line in lines:
            expected += cents_of(line["amount"])
            assert cents_of(line["balance"]) == expected >= 0
        written = [line["message"] for line in lines[-len(tips) :]]
        assert [text.replace("'", "") for text in written] == [message.replace("'", "") for _, _, message in tips]
        assert not any(text.startswith(("\t", "\r", "\n")) for text in written)
        cells = [cell for text in written for cell in re.split(r"[;\t\r\n]", text)]
        assert not any(cell.lstrip(' "').startswith(("=", "+", "-", "@")) for cell in cells)
        first, last = sorted(bound % len(lines) for bound in bounds)
        part = read(person, since=lines[first]["date"], until=lines[last]["date"])
        assert part[1:] == lines[first:last]
        assert part[0]["balance"] == (lines[first - 1]["balance"] if first else "0.00")


def test_a_long_statement_is_complete(org: Organization, server: Server) -> None:
    """A statement of several queries has each line once, in order, even if many lines have the same time."""
    person, count = org.new_user(), statement.BATCH_ROWS * 2 + 1

    async def fill() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                transfers = [
                    Transfer(kind="credit", currency="btc", postings=move(number, FUNDING["btc"], UUID(person.id)))
                    for number in range(1, count + 1)
                ]
                await record_transfers(connection, transfers)
        finally:
            await connection.close()

    asyncio.run(fill())
    _, *lines = read(person, currency="btc")
    assert [int(line["amount"]) for line in lines] == list(range(1, count + 1))
    assert int(lines[-1]["balance"]) == count * (count + 1) // 2 == balance(server, person.id, "btc")
    moments = [datetime.fromisoformat(line["date"]) for line in lines]
    assert moments == sorted(moments)


def test_a_new_wallet_has_an_empty_statement(org: Organization) -> None:
    """A person who never had money has a statement of one line. A wrong currency or time is 400. HEAD has no body."""
    person = org.new_user()
    (opening,) = read(person, currency="btc", since="2026-01-01")
    assert (opening["date"], opening["balance"]) == ("2026-01-01T00:00:00.000000+00:00", "0")
    for wrong in ({"currency": "eur"}, {"since": "yesterday"}, {"until": "x"}):
        assert_exchange_error(person.client.get("/wallet/statement", params=wrong), 400, "invalid_request")
    response = person.client.head("/wallet/statement")
    assert (response.status_code, response.content) == (200, b"")
