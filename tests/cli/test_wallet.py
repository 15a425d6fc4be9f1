"""`hallmarket wallet` against a real server."""

import csv
import os
import pty
import subprocess

import pytest

from _support.datasets import make_dataset
from _support.files import make_file
from _support.scripted_server import scripted_server
from _support.servers import HALLMARKET
from _support.wallets import balance, credit

TERMS = "\n".join(f"Paragraph {number}." for number in range(1, 10))


@pytest.fixture(scope="module")
def seller(org):
    """A user who sells, with a key bound to no organization."""
    return org.with_unbound_key(org.admin)


@pytest.fixture
def buyer(org, home):
    """A user with $20.00 and 5,000 sats, who owns the home folder."""
    made = org.new_outsider()
    credit(org.server, made.id, 2000)
    credit(org.server, made.id, 5000, "btc")
    home.environment |= {"HALLMARKET_SERVER": org.server.url, "HALLMARKET_API_KEY": made.member.key}
    return made


@pytest.fixture
def photo(seller):
    """A photo for sale in both currencies, with terms."""
    fields = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12.5, "price_sats": 2000}
    return make_file(seller, file_name="photo.jpg", license_id="LicenseRef-Press", license_text=TERMS, **fields)["id"]


@pytest.fixture
def at_terminal(home):
    """Run the command at a terminal at which a user types a text; returns status, stdout and stderr."""

    def run(typed, *arguments):
        theirs, ours = pty.openpty()
        os.write(theirs, typed.encode())
        try:
            done = subprocess.run(
                [HALLMARKET, *arguments],
                stdin=ours,
                capture_output=True,
                text=True,
                env=home.environment,
                cwd=home.folder,
                timeout=60,
            )
        finally:
            os.close(theirs)
            os.close(ours)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.usefixtures("buyer")
def test_balance(home):
    """The balance is shown in both currencies, or in one."""
    assert home.run("wallet", "balance").stdout == "dollars  $20.00\nbitcoin  5,000 sats\n"
    output = home.json("wallet", "balance", "--currency", "btc")
    assert output == {"balances": [{"currency": "btc", "balance_minor": 5000, "available_minor": 5000}]}


def test_buying_asks_first(org, home, buyer, photo, at_terminal):
    """A purchase first shows asset, seller, price and terms; without a yes nothing is bought."""
    status, out, asked = at_terminal("n\n", "wallet", "buy", photo)
    assert (status, out) == (1, "")
    for shown in (org.admin.member.username, "$12.50 or 2,000 sats", "LicenseRef-Press", "Paragraph 6.", "$20.00"):
        assert shown in asked
    assert "Paragraph 7." not in asked
    assert f"all of it: hallmarket assets price {photo}" in asked
    assert "Paragraph 9." in home.run("assets", "price", photo).stdout
    nobody = home.run("wallet", "buy", photo, stdin=subprocess.DEVNULL)
    assert (nobody.returncode, "--yes" in nobody.stderr) == (2, True)
    assert balance(org.server, buyer.id) == 2000
    status, out, _ = at_terminal("y\n", "wallet", "buy", photo)
    assert (status, out.splitlines()[0]) == (0, f"bought the file photo.jpg ({photo}) for $12.50")
    assert balance(org.server, buyer.id) == 750


def test_buying_twice(org, home, buyer, photo, at_terminal):
    """A purchase reports its licence; an asset bought before is reported, without an error, and not paid again."""
    output = home.json("wallet", "buy", photo, "--currency", "btc", "--yes")
    assert (output["already"], output["charge"]["amount"], output["charge"]["currency"]) == (False, 2000, "btc")
    licence = output["licence_id"]
    again = home.json("wallet", "buy", photo, "--yes")
    assert again == {"already": True, "licence_id": licence, "charge": None, "transfer": None}
    status, out, asked = at_terminal("", "wallet", "buy", photo)
    assert (status, asked) == (0, "")
    assert out.splitlines() == [
        f"the file photo.jpg ({photo}) is bought already; nothing was paid",
        f"  licence  {licence}",
        f"  proof    hallmarket licences proof {licence}",
    ]
    assert (balance(org.server, buyer.id), balance(org.server, buyer.id, "btc")) == (2000, 3000)
    paid = home.run("wallet", "history", "--currency", "btc").stdout.splitlines()[1]
    assert paid.split()[1:] == ["purchase", "-2,000", "sats", org.admin.member.username, "photo.jpg"]
    assert photo in home.run("assets", "search", "--scope", "purchased").stdout


def test_impossible_purchases(home, seller, photo, buyer, refused, at_terminal):
    """Missing money, an asset not for sale and an own asset are one-line errors with status 1, without a question."""
    usd_only = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 99}
    dear = make_file(seller, **usd_only)["id"]
    assert "Add $79.00" in refused("wallet", "buy", dear, "--yes", status=1)
    assert home.json("wallet", "buy", dear, "--yes", status=1)["error"]["details"]["missing"] == 7900
    status, _, message = at_terminal("", "wallet", "buy", dear)
    assert (status, "short of $79.00" in message) == (1, True)
    for yes in ([], ["--yes"]):
        status, _, message = at_terminal("", "wallet", "buy", dear, "--currency", "btc", *yes)
        assert (status, "$99.00" in message) == (1, True)
    public = make_file(seller, visibility="public")["id"]
    status, _, message = at_terminal("", "wallet", "buy", public)
    assert (status, "is not for sale" in message) == (1, True)
    home.environment["HALLMARKET_API_KEY"] = seller.member.key
    assert "belongs to you" in refused("wallet", "buy", photo, "--yes", status=1)
    assert buyer.call("GET", "/stripe/wallet/balance")["balance_cents"] == 2000


def test_a_locked_dataset_names_the_command_to_buy_it(seller, buyer, refused):
    """Pulling or querying a dataset that must be bought first names the command that buys it."""
    sold = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 1}
    dataset = make_dataset(seller, **sold)["id"]
    for verb in (["pull", dataset], ["query", dataset, "select 1 from {{table}}"]):
        message = refused("datasets", *verb, status=1)
        assert f"hallmarket wallet buy {dataset}" in message
    assert buyer.call("GET", f"/datasets/{dataset}")["id"] == dataset


def test_send(org, home, buyer, seller, at_terminal, refused):
    """Money is sent in the given currency, to the cent, after a yes; its message is in both histories."""
    name = seller.member.username
    status, _, asked = at_terminal("n\n", "wallet", "send", name, "5", "--currency", "usd")
    assert (status, f"Send $5.00 to {name}" in asked) == (1, True)
    text = home.run("wallet", "send", name, "7.05", "--currency", "usd", "--message", "For the photo", "--yes").stdout
    assert text.startswith(f"sent $7.05 to {name}")
    sent = home.json("wallet", "send", seller.id, "1,200", "--currency", "btc", "--yes")
    assert (sent["amount_minor"], sent["username"]) == (1200, name)
    assert (balance(org.server, buyer.id), balance(org.server, buyer.id, "btc")) == (1295, 3800)
    lines = home.run("wallet", "history").stdout.splitlines()
    assert lines[1].split()[1:4] == ["tip", "-$7.05", name]
    assert lines[1].endswith("For the photo")
    assert "$100.00" in refused("wallet", "send", name, "100", "--currency", "usd", "--yes", status=1)
    assert "to the cent" in refused("wallet", "send", name, "1.001", "--currency", "usd", "--yes", status=2)
    assert "'--currency'" in refused("wallet", "send", name, "1", "--yes", status=2)
    assert balance(org.server, buyer.id) == 1295


def test_history(home, buyer, seller):
    """Movements are listed by type, period and page, newest first."""
    for amount in ("1", "2", "3"):
        home.json("wallet", "send", seller.id, amount, "--currency", "btc", "--yes")
    moved = home.json("wallet", "history", "--currency", "btc", "--type", "send")["transactions"]
    assert [each["amount_minor"] for each in moved] == [-3, -2, -1]
    some = home.json("wallet", "history", "--currency", "btc", "--limit", "1", "--offset", "1")["transactions"]
    assert some == moved[1:2]
    at = moved[1]["created_at"]
    since = home.json("wallet", "history", "--currency", "btc", "--since", at)["transactions"]
    until = home.json("wallet", "history", "--currency", "btc", "--until", at)["transactions"]
    assert [each["amount_minor"] for each in since] == [-3, -2]
    assert [each["amount_minor"] for each in until] == [-1, 5000]
    assert home.run("wallet", "history", "--until", "2020-01-01").stdout == "nothing moved in dollars\n"


def test_statement(home, buyer, seller, refused):
    """A statement is CSV, on stdout or in a file that is complete or unchanged."""
    home.json("wallet", "send", seller.id, "7.05", "--currency", "usd", "--message", 'a "quoted", one', "--yes")
    shown = home.run("wallet", "statement").stdout
    rows = list(csv.DictReader(shown.splitlines()))
    assert [row["type"] for row in rows] == ["opening", "credit", "tip"]
    assert home.run("wallet", "statement", "--output", "all.csv").stdout == ""
    assert (home.folder / "all.csv").read_text("utf-8") == shown
    (opening,) = csv.DictReader(home.run("wallet", "statement", "--since", "2999-01-01").stdout.splitlines())
    assert opening["balance"] == "12.95"
    assert "hallmarket: nowhere/all.csv: no such file" in refused(
        "wallet", "statement", "-o", "nowhere/all.csv", status=1
    )
    assert "--output" in refused("wallet", "statement", "--json", status=2)
    assert [path.name for path in home.folder.iterdir() if path.name.endswith((".csv", ".new"))] == ["all.csv"]


def test_a_broken_statement(home, refused):
    """An interrupted statement leaves an existing file unchanged, and no temporary file."""
    (home.folder / "all.csv").write_text("before", "utf-8")
    token = (200, {}, b'{"access_token":"a","error":null}')
    with scripted_server(token, (0, {}, b"date,type\r\n")) as (url, _):
        home.environment |= {"HALLMARKET_SERVER": url, "HALLMARKET_API_KEY": "hm_key"}
        assert "cannot reach the server" in refused("wallet", "statement", "-o", "all.csv", status=3)
    assert (home.folder / "all.csv").read_text("utf-8") == "before"
    assert [path.name for path in home.folder.iterdir() if path.is_file()] == ["all.csv"]


def test_refund(org, home, buyer, seller, photo, at_terminal, refused):
    """The seller refunds a part, then the rest, which ends the licence; without a yes nothing is refunded.

    A sold asset can be deleted only after that, which the error before says.
    """
    licence = home.json("wallet", "buy", photo, "--yes")["licence_id"]
    home.environment["HALLMARKET_API_KEY"] = seller.member.key
    status, _, asked = at_terminal("n\n", "wallet", "refund", licence)
    assert (status, "Refund $12.50 of $12.50 to" in asked, "end the licence" in asked) == (1, True, True)
    assert balance(org.server, buyer.id) == 750
    part = home.run("wallet", "refund", licence, "2.50", "--reason", "Late", "--yes").stdout
    assert part.startswith(f"refunded $2.50 to {buyer.member.username}")
    assert part.endswith("; $10.00 of the price remains, and the licence is valid\n")
    message = refused("assets", "delete", photo, "--yes", status=1)
    assert "1 person bought it, so it cannot be deleted: refund each of their licences in full first" in message
    held = home.json("licences", "list", "--role", "seller", "--asset", photo, "--active")["licences"]
    assert [each["id"] for each in held] == [licence]
    done = home.json("wallet", "refund", licence, "--yes")
    assert (done["refunded"], done["remaining"], done["ended"]) == (1000, 0, True)
    assert balance(org.server, buyer.id) == 2000
    assert home.json("wallet", "refund", licence, "--yes", status=1)["error"]["code"] == "CONFLICT"
    assert home.json("assets", "delete", photo, "--yes")["id"] == photo


def test_a_refund_by_an_administrator(org, home, buyer, refused):
    """An administrator of the organization refunds what another user sold in it."""
    team = org.admin.create_team("sold", visibility="public", default_role="write", join_policy="open")["id"]
    seller = org.new_user()
    seller.call("POST", f"/teams/{team}/join", json={})
    sold = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 9, "team_id": team}
    photo = make_file(seller, **sold)["id"]
    licence = home.json("wallet", "buy", photo, "--yes")["licence_id"]
    home.environment["HALLMARKET_API_KEY"] = org.admin.member.key
    message = home.run("wallet", "refund", licence, "1", "--yes").stdout
    name = f"{buyer.member.username} (Jane Doe)"
    assert message == f"refunded $1.00 to {name}; $8.00 of the price remains, and the licence is valid\n"
    assert balance(org.server, buyer.id) == 1200
    home.environment["HALLMARKET_API_KEY"] = org.new_outsider().member.key
    assert "404 NOT_FOUND" in refused("wallet", "refund", licence, "--yes", status=1)
    assert balance(org.server, seller.id) == 800
