"""What an operator does to wallets by command."""

import json
from typing import Any
from uuid import UUID, uuid4

from _support.organizations import Organization
from _support.servers import Server
from _support.wallets import balance, credit


def test_commands(org: Organization, server: Server) -> None:
    """Credited, paid out and corrected by command; each is a transfer, in the trail, and told to its person."""
    jane = org.new_user()
    name = jane.member.username
    first = server.admin("credit", name, "12.50", "--currency", "usd", "--reason", "by cheque")
    assert (first["username"], first["currency"], first["amount"]) == (name, "usd", 1250)
    server.admin("credit", name, "1200", "--currency", "btc")
    server.admin("payout", name, "2.5", "--currency", "usd", "--reason", "TR-4711")
    assert balance(server, jane.id) == 1000
    again = server.admin("credit", name, "12.50", "--currency", "usd")
    corrected = server.admin("correct", again["id"], "--reason", "credited twice")
    assert corrected["corrects"] == again["id"]
    assert balance(server, jane.id) == 1000
    moves = jane.call("GET", "/stripe/wallet/transactions")
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


def test_refused_commands(org: Organization, server: Server) -> None:
    """What cannot be done is said in one line with exit status 1, wrong usage is 2, and nothing moves."""
    jane, john = org.new_user(), org.new_user()
    name = jane.member.username
    first = server.admin("credit", name, "10", "--currency", "usd")["id"]
    tipped = jane.call("POST", "/stripe/wallet/tip", json={"recipientId": john.id, "amountCents": 600})[
        "transaction_id"
    ]
    refused: list[tuple[str, list[str]]] = [
        ("no such user", ["credit", "nobody-of-this-name", "5", "--currency", "usd"]),
        ("holds $4.00, less than $4.01", ["payout", name, "4.01", "--currency", "usd"]),
        ("no transfer", ["correct", str(uuid4()), "--reason", "x"]),
        ("holds $4.00, less than $10.00", ["correct", first, "--reason", "x"]),
        ("at most 1000", ["credit", name, "5", "--currency", "usd", "--reason", "x" * 1001]),
    ]
    for words, arguments in refused:
        went = server.run_admin(*arguments)
        assert (went.returncode, words in went.stderr) == (1, True), (arguments, went.stderr)
    for usage in (["credit", name, "1.005", "--currency", "usd"], ["credit", name, "5"], ["correct", tipped]):
        assert server.run_admin(*usage).returncode == 2
    assert [balance(server, who.id) for who in (jane, john)] == [400, 600]


def test_a_transfer_is_corrected_once(org: Organization, server: Server) -> None:
    """A tip taken back goes back to who gave it, once; its correction is not corrected again."""
    jane, john = org.new_user(), org.new_user()
    credit(server, jane.id, 1000)
    tipped = jane.call("POST", "/stripe/wallet/tip", json={"recipientId": john.id, "amountCents": 600})[
        "transaction_id"
    ]
    correction = server.admin("correct", tipped, "--reason", "a mistake")["id"]
    assert [balance(server, who.id) for who in (jane, john)] == [1000, 0]
    assert john.call("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    assert jane.call("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    for wrong, words in ((tipped, correction), (correction, "It is a correction")):
        went = server.run_admin("correct", wrong, "--reason", "again")
        assert (went.returncode, words in went.stderr) == (1, True), went.stderr
    assert [balance(server, who.id) for who in (jane, john)] == [1000, 0]


def test_earnings_and_credits(org: Organization, server: Server) -> None:
    """Credits are spent first; earnings are what came in by gifts, as far as it is there and not paid out."""

    def split(someone: Any) -> tuple[int, int]:
        held = someone.call("GET", "/stripe/wallet/balance")
        assert held["balance_cents"] == held["credits_cents"] + held["earnings_cents"]
        return held["credits_cents"], held["earnings_cents"]

    jane, john = org.new_user(), org.new_user()

    def tip(giver: Any, taker: Any, cents: int) -> None:
        giver.call("POST", "/stripe/wallet/tip", json={"recipientId": taker.id, "amountCents": cents})

    assert split(jane) == (0, 0)
    credit(server, jane.id, 1000)
    credit(server, john.id, 1000)
    tip(john, jane, 500)
    assert split(jane) == (1000, 500)
    tip(jane, john, 700)
    assert split(jane) == (300, 500)
    tip(jane, john, 400)
    assert split(jane) == (0, 400)
    server.admin("payout", jane.member.username, "3", "--currency", "usd")
    assert split(jane) == (0, 100)
    assert split(john) == (500, 1100)
