"""The operator's commands on wallets: `hallmarket admin credit`, `payout` and `correct`."""

import json
from typing import Any
from uuid import UUID, uuid4

from _support.organizations import Organization
from _support.servers import Server
from _support.wallets import balance, credit


def test_each_command_is_a_transfer(org: Organization, server: Server) -> None:
    """Credit, payout and correct each record a transfer, write an audit event, and notify the wallet's owner."""
    jane = org.new_user()
    name = jane.member.username
    first = server.admin("credit", name, "12.50", "--currency", "usd", "--reason", "by cheque")
    assert (first["username"], first["currency"], first["amount"]) == (name, "usd", 1250)
    server.admin("credit", name, "1200", "--currency", "btc")
    server.admin("payout", name, "2.5", "--currency", "usd", "--reason", "TR-4711")
    assert balance(server, jane.id) == 1000
    second = server.admin("credit", name, "12.50", "--currency", "usd")
    correction = server.admin("correct", second["id"], "--reason", "credited twice")
    assert correction["corrects"] == second["id"]
    assert balance(server, jane.id) == 1000
    transactions = jane.call("GET", "/stripe/wallet/transactions")
    assert [(each["type"], each["amount_cents"]) for each in transactions] == [
        ("correction", -1250),
        ("credit", 1250),
        ("payout", -250),
        ("credit", 1250),
    ]
    assert transactions[0]["metadata"]["corrects"] == second["id"]
    assert transactions[3]["metadata"]["message"] == "by cheque"
    notifications = server.query(
        "select type, content->>'text' as text from notification where destination_id = $1 order by created_on, id",
        UUID(jane.id),
    )
    assert [row["type"] for row in notifications] == ["deposit", "deposit", "payment", "deposit", "payment"]
    assert [row["text"].split(" ")[0] for row in notifications] == ["$12.50", "1,200", "$2.50", "$12.50", "$12.50"]
    events = server.query(
        "select action, actor_id, details from audit_event where subject_id = $1 and action like 'wallet.%'"
        " order by created_on, id",
        UUID(jane.id),
    )
    assert [row["action"].removeprefix("wallet.") for row in events] == [
        "credit",
        "credit",
        "payout",
        "credit",
        "correct",
    ]
    assert all(row["actor_id"] is None for row in events)
    assert json.loads(events[0]["details"])["reason"] == "by cheque"


def test_a_refused_command_moves_no_money(org: Organization, server: Server) -> None:
    """A command that cannot be done explains why, with exit status 1; wrong usage is 2. No money moves."""
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
        result = server.run_admin(*arguments)
        assert (result.returncode, words in result.stderr) == (1, True), (arguments, result.stderr)
    for usage in (["credit", name, "1.005", "--currency", "usd"], ["credit", name, "5"], ["correct", tipped]):
        assert server.run_admin(*usage).returncode == 2
    assert [balance(server, who.id) for who in (jane, john)] == [400, 600]


def test_a_transfer_is_corrected_once(org: Organization, server: Server) -> None:
    """A corrected tip returns to its sender, once. A correction cannot be corrected."""
    jane, john = org.new_user(), org.new_user()
    credit(server, jane.id, 1000)
    tipped = jane.call("POST", "/stripe/wallet/tip", json={"recipientId": john.id, "amountCents": 600})[
        "transaction_id"
    ]
    correction = server.admin("correct", tipped, "--reason", "an error")["id"]
    assert [balance(server, who.id) for who in (jane, john)] == [1000, 0]
    assert john.call("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    assert jane.call("GET", "/stripe/wallet/balance")["earnings_cents"] == 0
    for transfer, words in ((tipped, correction), (correction, "is a correction")):
        result = server.run_admin("correct", transfer, "--reason", "again")
        assert (result.returncode, words in result.stderr) == (1, True), result.stderr
    assert [balance(server, who.id) for who in (jane, john)] == [1000, 0]


def test_credits_are_spent_before_earnings(org: Organization, server: Server) -> None:
    """A payment is taken from credits first. Earnings are tips, as far as they are not spent or paid out."""

    def split(person: Any) -> tuple[int, int]:
        balance = person.call("GET", "/stripe/wallet/balance")
        assert balance["balance_cents"] == balance["credits_cents"] + balance["earnings_cents"]
        return balance["credits_cents"], balance["earnings_cents"]

    jane, john = org.new_user(), org.new_user()

    def tip(sender: Any, recipient: Any, cents: int) -> None:
        sender.call("POST", "/stripe/wallet/tip", json={"recipientId": recipient.id, "amountCents": cents})

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
