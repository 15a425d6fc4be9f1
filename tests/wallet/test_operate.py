"""What an operator does to wallets by command."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circle import Circle
from hallmarket.server.wallet.types import MOST_MINOR, Currency, money, read_money
from purses import balance_of, give_money
from support import Server


@given(st.integers(1, MOST_MINOR), st.sampled_from(["usd", "btc"]))
def test_amounts_are_read_as_they_are_shown(minor: int, currency: Currency) -> None:
    """What is shown of an amount, without its signs for people, reads back as the same amount, to the cent."""
    shown = money(minor, currency).replace(",", "").removeprefix("$").removesuffix(" sats")
    assert read_money(shown, currency) == minor
    if currency == "usd" and minor % 10 == 0:
        assert read_money(shown[:-1], "usd") == minor
    if currency == "usd" and minor % 100 == 0:
        assert read_money(shown[:-3], "usd") == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.00",
        "-5",
        "+5",
        "1,000",
        "1e3",
        "12.",
        ".5",
        "12.345",
        "1_000",
        " 5",
        "5 ",
        "\u0665",
        "5\n",
        "9" * 30,
    ],
)
def test_what_is_no_amount(text: str) -> None:
    """Signs, separators, fractions of a cent, nothing, and more than there is are no amounts in either currency."""
    for currency in ("usd", "btc"):
        with pytest.raises(ValueError, match="amount"):
            read_money(text, currency)
    with pytest.raises(ValueError, match="satoshis"):
        read_money("1.0", "btc")


def test_commands(circle: Circle, server: Server) -> None:
    """Credited, paid out and corrected by command; each is a transfer, in the trail, and told to its person."""
    jane = circle.person()
    name = jane.member.username
    credit = server.admin("credit", name, "12.50", "--currency", "usd", "--reason", "by cheque")
    assert (credit["username"], credit["currency"], credit["amount"]) == (name, "usd", 1250)
    server.admin("credit", name, "1200", "--currency", "btc")
    server.admin("payout", name, "2.5", "--currency", "usd", "--reason", "TR-4711")
    assert balance_of(server, jane.member) == 1000
    again = server.admin("credit", name, "12.50", "--currency", "usd")
    corrected = server.admin("correct", again["id"], "--reason", "credited twice")
    assert corrected["corrects"] == again["id"]
    assert balance_of(server, jane.member) == 1000
    moves = jane.ask("GET", "/stripe/wallet/transactions")
    assert [(move["type"], move["amount_cents"]) for move in moves] == [
        ("correction", -1250),
        ("credit", 1250),
        ("payout", -250),
        ("credit", 1250),
    ]
    assert moves[0]["metadata"]["corrects"] == again["id"]
    assert moves[3]["metadata"]["message"] == "by cheque"
    kinds = server.query(
        "select type, content->>'text' as text from notification where destination_id = $1 order by created_on, id",
        UUID(jane.id),
    )
    assert [row["type"] for row in kinds] == ["deposit", "deposit", "payment", "deposit", "payment"]
    assert [row["text"].split(" ")[0] for row in kinds] == ["$12.50", "1,200", "$2.50", "$12.50", "$12.50"]
    trail = server.query(
        "select action, actor_id, details from audit_event where subject_id = $1 and action like 'wallet.%'"
        " order by created_on, id",
        UUID(jane.id),
    )
    assert [row["action"].removeprefix("wallet.") for row in trail] == [
        "credit",
        "credit",
        "payout",
        "credit",
        "correct",
    ]
    assert all(row["actor_id"] is None for row in trail)
    assert json.loads(trail[0]["details"])["reason"] == "by cheque"


def test_refused_commands(circle: Circle, server: Server) -> None:
    """What cannot be done is said in one line with exit status 1, wrong usage is 2, and nothing moves."""
    jane, john = circle.person(), circle.person()
    name = jane.member.username
    first = give_money(server, jane.member, 1000)
    tipped = jane.ask("POST", "/stripe/wallet/tip", json={"recipientId": john.id, "amountCents": 600})["transaction_id"]
    refused: list[tuple[str, list[str]]] = [
        ("no such user", ["credit", "nobody-of-this-name", "5", "--currency", "usd"]),
        ("holds $4.00, less than $4.01", ["payout", name, "4.01", "--currency", "usd"]),
        ("no transfer", ["correct", str(uuid4()), "--reason", "x"]),
        ("holds $4.00, less than $10.00", ["correct", str(first), "--reason", "x"]),
        ("at most 1000", ["credit", name, "5", "--currency", "usd", "--reason", "x" * 1001]),
    ]
    for words, arguments in refused:
        went = server.run_admin(*arguments)
        assert (went.returncode, words in went.stderr) == (1, True), (arguments, went.stderr)
    for usage in (["credit", name, "1.005", "--currency", "usd"], ["credit", name, "5"], ["correct", tipped]):
        assert server.run_admin(*usage).returncode == 2
    assert [balance_of(server, who.member) for who in (jane, john)] == [400, 600]


def test_a_transfer_is_corrected_once(circle: Circle, server: Server) -> None:
    """A tip taken back goes back to who gave it, once; its correction is not corrected again."""
    jane, john = circle.person(), circle.person()
    give_money(server, jane.member, 1000)
    tipped = jane.ask("POST", "/stripe/wallet/tip", json={"recipientId": john.id, "amountCents": 600})["transaction_id"]
    correction = server.admin("correct", tipped, "--reason", "a mistake")["id"]
    assert [balance_of(server, who.member) for who in (jane, john)] == [1000, 0]
    assert john.ask("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    assert jane.ask("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    for wrong, words in ((tipped, correction), (correction, "It is a correction")):
        went = server.run_admin("correct", wrong, "--reason", "again")
        assert (went.returncode, words in went.stderr) == (1, True), went.stderr
    assert [balance_of(server, who.member) for who in (jane, john)] == [1000, 0]


def test_earnings_and_credits(circle: Circle, server: Server) -> None:
    """Credits are spent first; earnings are what came in by gifts, as far as it is there and not paid out."""

    def split(someone: Any) -> tuple[int, int]:
        balance = someone.ask("GET", "/stripe/wallet/balance")
        assert balance["balance_cents"] == balance["credits_cents"] + balance["earnings_cents"]
        return balance["credits_cents"], balance["earnings_cents"]

    jane, john = circle.person(), circle.person()

    def tip(giver: Any, taker: Any, cents: int) -> None:
        giver.ask("POST", "/stripe/wallet/tip", json={"recipientId": taker.id, "amountCents": cents})

    assert split(jane) == (0, 0)
    give_money(server, jane.member, 1000)
    give_money(server, john.member, 1000)
    tip(john, jane, 500)
    assert split(jane) == (1000, 500)
    tip(jane, john, 700)
    assert split(jane) == (300, 500)
    tip(jane, john, 400)
    assert split(jane) == (0, 400)
    server.admin("payout", jane.member.username, "3", "--currency", "usd")
    assert split(jane) == (0, 100)
    assert split(john) == (500, 1100)
