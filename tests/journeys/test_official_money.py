"""Money by the official client, unmodified: all of `client.money`, and assets before and after they are bought."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import ouro
import pandas as pd
import pytest

from _support.clients import official_client
from _support.organizations import Organization, User, new_organization
from _support.servers import Server
from _support.wallets import fund

PRICE = {"usd": 450, "btc": 900}
SECRET = b"low,high\n1,2\n"
KINDS = ("post", "file", "dataset")


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization, whose administrator sells in their own name."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def seller(org: Organization) -> Iterator[Any]:
    """The seller's official client."""
    with official_client(org.server, org.with_unbound_key(org.admin).member.key) as client:
        yield client


@pytest.fixture
def somebody(org: Organization) -> User:
    """Somebody of another organization, with a key bound to that."""
    return org.new_outsider()


@pytest.fixture
def buyer(org: Organization, somebody: User) -> Iterator[Any]:
    """Their official client."""
    with official_client(org.server, somebody.member.key) as client:
        yield client


def sell(seller: Any, kind: str, **fields: Any) -> str:
    """The id of a new asset for sale, in both currencies unless told."""
    said = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 4.5, "price_sats": 900} | fields
    if kind == "post":
        return str(seller.posts.create(name="Tides", content_markdown="the *secret*", **said).id)
    if kind == "file":
        return str(seller.files.create("Tides", file_content=SECRET, file_name="tides.csv", **said).id)
    return str(seller.datasets.create("Tides", data=pd.DataFrame({"low": [1], "high": [2]}), **said).id)


def balance(client: Any, currency: str) -> int:
    """What a wallet holds, all of it to be spent."""
    held = client.money.get_balance(currency)
    whole = (held.balance, held.available) if currency == "btc" else (held.balance_cents, held.available_cents)
    assert whole[0] == whole[1]
    return int(whole[0])


def moves(client: Any, currency: str) -> list[tuple[str, int]]:
    """What moved in a wallet, newest first: its type, and the signed amount."""
    return [(each.type, each.value if currency == "btc" else each.amount_cents) for each in moved(client, currency)]


def moved(client: Any, currency: str) -> list[Any]:
    """What moved in a wallet, newest first."""
    told = client.money.get_transactions(currency)
    return list(told if currency == "btc" else told.data)


def openings(client: Any, kind: str, asset: str, folder: Path) -> dict[str, Callable[[], Any]]:
    """All the ways to the content of an asset."""
    ways: dict[str, Callable[[], Any]] = {
        "download": lambda: Path(client.assets.download(asset, str(folder)).path).read_text(),
        "link": lambda: client.assets.create_download_url(asset)["download_url"],
    }
    if kind == "file":
        ways["data"] = lambda: client.files.read_data(asset).url
    if kind == "dataset":
        ways["rows"] = lambda: client.datasets.query(asset)["high"].tolist() == [2]
        ways["sql"] = lambda: client.datasets.query(asset, "select sum(high) as s from {{table}}")["s"].tolist() == [2]
    return ways


@pytest.mark.parametrize("currency", ["usd", "btc"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_asset_is_bought(
    org: Organization, seller: Any, buyer: Any, somebody: User, kind: str, currency: str, tmp_path: Path
) -> None:
    """The listing is for everybody; content, download, rows and SQL are for whoever paid, once and for good."""
    asset, price = sell(seller, kind), PRICE[currency]
    fund(org.server, somebody, usd=1000, btc=1000)
    listed = buyer.assets.retrieve(asset)
    assert (listed.name, listed.visibility, listed.price_usd, listed.price_sats) == ("Tides", "monetized", 4.5, 900)
    assert getattr(listed, "content", None) is None
    assert getattr(listed, "data", None) is None
    for name, way in openings(buyer, kind, asset, tmp_path).items():
        # Of a download that is refused the client reads no message.
        with pytest.raises(ouro.PermissionDeniedError, match="403" if name == "download" else "Unlock"):
            way()
    assert [str(each.id) for each in buyer.assets.search(asset).data] == [asset]
    assert buyer.assets.search(scope="purchased").data == []

    before = balance(seller, currency)
    bought = buyer.money.unlock_asset(kind, asset, currency)
    if currency == "usd":
        assert (bought.price_cents, bought.platform_fee_cents, bought.total_cents) == (price, 0, price)
    else:
        assert (bought.transfer.total_value, bought.platform_fee_transfer, bought.platform_fee_sats) == (price, None, 0)

    assert (balance(buyer, currency), balance(seller, currency)) == (1000 - price, before + price)
    assert moves(buyer, currency) == [("purchase", -price), ("credit", 1000)]
    assert moves(seller, currency)[0] == ("sale", price)
    assert {moved(each, currency)[0].metadata["asset_name"] for each in (buyer, seller)} == {"Tides"}
    for way in openings(buyer, kind, asset, tmp_path).values():
        assert way()
    opened = buyer.assets.retrieve(asset)
    if kind == "post":
        assert "secret" in opened.content.text
    if kind == "file":
        assert opened.data.url
        assert (tmp_path / "tides.csv").read_bytes() == SECRET
    assert [str(each.id) for each in buyer.assets.search(scope="purchased").data] == [asset]
    earned = seller.assets.counts(asset)
    assert {"usd": earned.earnings_usd, "btc": earned.earnings_btc} == {"usd": 0, "btc": 0, currency: price}

    for again in ("usd", "btc"):
        with pytest.raises(ouro.ConflictError):
            buyer.money.unlock_asset(kind, asset, again)
    assert moves(buyer, currency) == [("purchase", -price), ("credit", 1000)]
    assert balance(buyer, currency) == 1000 - price


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("currency", ["usd", "btc"])
def test_without_the_money_nothing_changes(
    org: Organization, seller: Any, buyer: Any, somebody: User, kind: str, currency: str
) -> None:
    """A wallet with one too little is told what is missing; no money moves, and the asset stays locked."""
    asset, before = sell(seller, kind), moves(seller, currency)
    fund(org.server, somebody, **{currency: PRICE[currency] - 1})
    with pytest.raises(ouro.APIStatusError, match="Add ") as refused:
        buyer.money.unlock_asset(kind, asset, currency)
    assert refused.value.status_code == 402
    assert balance(buyer, currency) == PRICE[currency] - 1
    assert moves(buyer, currency) == [("credit", PRICE[currency] - 1)]
    assert moves(seller, currency) == before
    with pytest.raises(ouro.PermissionDeniedError, match="Unlock"):
        buyer.assets.create_download_url(asset)


def test_what_cannot_be_bought(org: Organization, seller: Any, buyer: Any, somebody: User) -> None:
    """Not in a currency it is not sold in, not one's own, not what is free, not what there is not."""
    fund(org.server, somebody, usd=1000, btc=1000)
    in_dollars, in_bitcoin = sell(seller, "post", price_sats=None), sell(seller, "post", price_usd=None)
    for asset, currency in ((in_dollars, "btc"), (in_bitcoin, "usd")):
        with pytest.raises(ouro.BadRequestError, match="not sold in"):
            buyer.money.unlock_asset("post", asset, currency)
    with pytest.raises(ouro.BadRequestError, match="belongs to you"):
        seller.money.unlock_asset("post", in_dollars, "usd")
    free = sell(seller, "post", visibility="public", monetization=None, price_usd=None, price_sats=None)
    with pytest.raises(ouro.BadRequestError, match="not for sale"):
        buyer.money.unlock_asset("post", free, "usd")
    for unknown in (str(uuid4()), sell(seller, "post", visibility="private")):
        with pytest.raises(ouro.NotFoundError):
            buyer.money.unlock_asset("post", unknown)
    assert (balance(buyer, "usd"), balance(buyer, "btc")) == (1000, 1000)
    buyer.money.unlock_asset("post", in_bitcoin)
    assert (balance(buyer, "usd"), balance(buyer, "btc")) == (1000, 100)


def test_prices_are_changed(org: Organization, seller: Any, buyer: Any, somebody: User) -> None:
    """Each price is changed on its own, zero stops selling in it, and who buys pays what it costs then."""
    fund(org.server, somebody, usd=1000)
    asset = sell(seller, "post")
    seller.posts.update(asset, price_usd=7.25)
    seller.posts.update(asset, price_sats=0)
    listed = buyer.posts.retrieve(asset)
    assert (listed.price_usd, listed.price_sats) == (7.25, None)
    with pytest.raises(ouro.BadRequestError):
        buyer.money.unlock_asset("post", asset, "btc")
    with pytest.raises(ouro.APIStatusError):
        seller.posts.update(asset, price_usd=-1)
    assert buyer.money.unlock_asset("post", asset, "usd").total_cents == 725


def test_money_is_sent(org: Organization, seller: Any, buyer: Any, somebody: User) -> None:
    """Dollars go with a message, bitcoin without; both see it, and nobody sends what they have not."""
    fund(org.server, somebody, usd=500, btc=700)
    to, before = str(seller.user.id), {each: balance(seller, each) for each in ("usd", "btc")}
    tip = buyer.money.send(to, 200, "usd", message="for the tides")
    assert (tip.amount_cents, tip.recipient_amount_cents, tip.platform_fee_cents) == (200, 200, 0)
    sent = buyer.money.send(to, 300)
    assert (sent.total_value, sent.status) == (300, "completed")
    assert (balance(buyer, "usd"), balance(buyer, "btc")) == (300, 400)
    assert (balance(seller, "usd"), balance(seller, "btc")) == (before["usd"] + 200, before["btc"] + 300)
    assert moves(buyer, "usd") == [("tip", -200), ("credit", 500)]
    assert moves(buyer, "btc") == [("send", -300), ("credit", 700)]
    newest = seller.money.get_transactions("usd").data[0]
    assert (newest.type, newest.amount_cents, newest.id) == ("tip", 200, tip.transaction_id)
    assert str(newest.recipient_user_id) == to
    assert "for the tides" in str(newest.metadata)
    for currency, much in (("usd", 301), ("btc", 401)):
        with pytest.raises(ouro.APIStatusError) as refused:
            buyer.money.send(to, much, currency)
        assert refused.value.status_code == 402
    for whom, amount in ((str(buyer.user.id), 1), (to, 0), (to, -1), ("nobody", 1)):
        with pytest.raises(ouro.BadRequestError):
            buyer.money.send(whom, amount, "usd")
    with pytest.raises(ouro.NotFoundError):
        buyer.money.send(str(uuid4()), 1)
    assert (balance(buyer, "usd"), balance(buyer, "btc")) == (300, 400)


def test_history_is_paged(org: Organization, seller: Any, buyer: Any, somebody: User) -> None:
    """Dollars come page by page, and by type; bitcoin whole."""
    fund(org.server, somebody, usd=1000, btc=1000)
    to = str(seller.user.id)
    for amount in (1, 2, 3):
        buyer.money.send(to, amount, "usd")
        buyer.money.send(to, amount)
    page = buyer.money.get_transactions("usd", limit=2)
    assert ([each.amount_cents for each in page.data], page.has_more) == ([-3, -2], True)
    page = buyer.money.get_transactions("usd", limit=2, offset=2)
    assert ([each.amount_cents for each in page.data], page.has_more) == ([-1, 1000], False)
    assert [each.amount_cents for each in buyer.money.get_transactions("usd", type="credit").data] == [1000]
    assert [each.value for each in buyer.money.get_transactions()] == [-3, -2, -1, 1000]


def test_the_rest_of_money(org: Organization, seller: Any, buyer: Any) -> None:
    """There is no address to send bitcoin to and no use that is billed; what was earned is told."""
    assert buyer.money.get_deposit_address() == ""
    for role in (None, "consumer", "creator"):
        history = buyer.money.get_usage_history(limit=10, offset=0, role=role)
        assert (history.data, history.has_more, history.summary.record_count) == ([], False, 0)
    nothing = buyer.money.get_pending_earnings()
    assert (nothing.total_pending_cents, nothing.total_gross_earnings_cents, nothing.assets) == (0, 0, [])
    before = seller.money.get_pending_earnings().total_gross_earnings_cents
    asset, client = sell(seller, "post"), org.new_outsider()
    fund(org.server, client, usd=450)
    with official_client(org.server, client.member.key) as ouro_client:
        ouro_client.money.unlock_asset("post", asset, "usd")
    earnings = seller.money.get_pending_earnings()
    assert earnings.total_gross_earnings_cents == before + 450
    assert earnings.platform_fee_percent == 0
    assert "top-up" in buyer.money.add_funds()
