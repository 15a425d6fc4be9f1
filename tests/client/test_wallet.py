"""Wallets and licences in the client, against a real server and a scripted one."""

import csv
import io
import json

import pytest

from _support.files import make_file
from _support.organizations import new_organization
from _support.scripted_server import scripted_server
from _support.wallets import balance, credit
from hallmarket.client import AlreadyBought, Exchange, HallmarketError, InsufficientFunds, Locked, ServerUnreachable

TOKEN = (200, {}, b'{"access_token":"a","error":null}')
ASSET = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
CHARGE = {"id": "1", "amount": 1250, "currency": "usd", "status": "succeeded", "asset_id": ASSET, "licence_id": "2"}
TRANSFER = {"id": "1", "amount": 1250, "fee": 0, "currency": "usd", "status": "completed", "recipient_id": "3"}
BOUGHT = {"data": {"charge": CHARGE | {"created_at": ""}, "transfer": TRANSFER}}


@pytest.fixture(scope="module")
def org(server):
    """A new organization of the shared server, whose administrator sells in their own name."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def seller(org):
    """A user who sells, with a key bound to no organization."""
    return org.with_unbound_key(org.admin)


@pytest.fixture
def buyer(org):
    """A user with $20.00 and 5,000 sats."""
    made = org.new_outsider()
    credit(org.server, made.id, 2000)
    credit(org.server, made.id, 5000, "btc")
    return made


@pytest.fixture
def exchange(org, buyer):
    """A client with the buyer's key."""
    with Exchange(org.server.url, buyer.member.key, retry_s=5) as opened:
        yield opened


@pytest.fixture
def photo(seller):
    """A photo for sale in both currencies."""
    fields = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12.5, "price_sats": 2000}
    return make_file(seller, file_name="photo.jpg", **fields)["id"]


@pytest.mark.parametrize(("currency", "price", "left"), [("usd", 1250, 750), ("btc", 2000, 3000)])
def test_a_purchase(org, seller, buyer, exchange, photo, currency, price, left):
    """A purchase is paid once, in the requested currency, and is in both users' histories."""
    with pytest.raises(HallmarketError, match="Unlock") as refused:
        exchange._session.request("POST", f"/assets/{photo}/download", json={})
    assert isinstance(refused.value, Locked)
    assert refused.value.details == {"assetId": photo}
    bought = exchange.wallet.buy(photo, currency)
    assert (bought.charge.amount, bought.charge.currency, bought.charge.asset_id) == (price, currency, photo)
    assert bought.transfer.recipient_id == seller.id
    held = exchange.wallet.balance(currency)
    assert (held.balance_minor, held.available_minor, held.currency) == (left, left, currency)
    newest = exchange.wallet.transactions(currency, limit=1).data[0]
    assert (newest.type, newest.amount_minor, newest.asset_id) == ("purchase", -price, photo)
    assert newest.asset_name == "photo.jpg"
    assert newest.counterparty.user_id == seller.id
    with Exchange(org.server.url, seller.member.key) as selling:
        sold = selling.wallet.transactions(currency, limit=1, type="sale").data[0]
    assert (sold.amount_minor, sold.asset_id, sold.counterparty.user_id) == (price, photo, buyer.id)
    with pytest.raises(AlreadyBought):
        exchange.wallet.buy(photo, currency)
    assert balance(org.server, buyer.id, currency) == left


def test_one_key_pays_once(org, buyer, exchange, seller):
    """A purchase or payment repeated with its idempotency key returns the first result, and is paid once."""
    fields = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 3}
    asset = make_file(seller, **fields)["id"]
    assert exchange.wallet.buy(asset, idempotency_key="a") == exchange.wallet.buy(asset, idempotency_key="a")
    gifts = [exchange.wallet.send(seller.id, 200, "usd", "thanks", idempotency_key="b") for _ in range(3)]
    assert len(set(gifts)) == 1
    assert balance(org.server, buyer.id) == 2000 - 300 - 200
    assert exchange.wallet.transactions("usd", type="tip").data[0].message == "thanks"


def test_insufficient_funds(exchange, seller, photo):
    """A wallet with too little raises its own type, with the amount, what is available and what is missing."""
    exchange.wallet.send(seller.id, 1900, "usd")
    with pytest.raises(InsufficientFunds) as refused:
        exchange.wallet.buy(photo)
    assert refused.value.details == {"currency": "usd", "amount": 1250, "available": 100, "missing": 1150}
    assert (refused.value.status, "Add $11.50" in refused.value.message) == (402, True)


def test_history_by_pages(exchange, seller):
    """Every movement is listed once over as many pages as needed, or as many as requested, or of one period."""
    sent = [exchange.wallet.send(seller.id, amount, "btc").transaction_id for amount in range(1, 6)]
    pages = [exchange.wallet.transactions("btc", limit=2, offset=offset).data for offset in (0, 2, 4)]
    assert [moved.id for page in pages for moved in page][:5] == sent[::-1]
    assert [moved.id for moved in exchange.wallet.iterate("btc", type="send")] == sent[::-1]
    assert [moved.id for moved in exchange.wallet.iterate("btc", max_items=3, offset=1)] == sent[-2:-5:-1]
    assert list(exchange.wallet.iterate("btc", until="2020-01-01T00:00:00Z")) == []
    assert list(exchange.wallet.iterate("btc", since="2999-01-01T00:00:00Z")) == []


def test_statement(exchange, seller):
    """A statement is streamed as one table of movements, oldest first, of the requested period."""
    exchange.wallet.send(seller.id, 7, "btc", "for the photo")
    with exchange.wallet.statement("btc") as pieces:
        rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert [row["type"] for row in rows] == ["opening", "credit", "send"]
    assert rows[2]["message"] == "for the photo"
    with exchange.wallet.statement("btc", since="2999-01-01T00:00:00Z") as pieces:
        assert len(b"".join(pieces).splitlines()) == 2


def test_refund(org, buyer, exchange, seller, photo):
    """A refund repeated with its key refunds once; without an amount it refunds the rest."""
    licence = exchange.wallet.buy(photo, "btc").charge.licence_id
    with Exchange(org.server.url, seller.member.key) as selling:
        parts = [selling.wallet.refund(licence, 500, "late", idempotency_key="r") for _ in range(2)]
        assert parts[0] == parts[1]
        assert (parts[0].refunded, parts[0].remaining, parts[0].ended) == (500, 1500, False)
        rest = selling.wallet.refund(licence)
        assert (rest.refunded, rest.refunded_total, rest.ended) == (1500, 2000, True)
    assert balance(org.server, buyer.id, "btc") == 5000
    assert exchange.licences.get(licence).ended_at is not None
    assert [each.id for each in exchange.licences.iterate(role="buyer", active=False)] == [licence]


@pytest.mark.parametrize(
    "passing",
    [(0, {}, b""), (0, {}, b'{"data":{"cha'), (502, {}, b"<html>"), (503, {}, b""), (504, {}, b""), (429, {}, b"")],
    ids=["closed", "cut", "gateway", "busy", "gateway timeout", "limit"],
)
def test_a_payment_is_repeated_with_its_key(passing):
    """After any failure of the connection a payment is repeated with the same key until it is answered."""
    sent_headers = []
    with (
        scripted_server(TOKEN, passing, passing, (200, {}, json.dumps(BOUGHT).encode()), headers=sent_headers) as (
            url,
            bodies,
        ),
        Exchange(url, "hm_key", retry_s=10) as exchange,
    ):
        assert exchange.wallet.buy(ASSET, "usd", asset_type="file").charge.amount == 1250
        exchange.wallet.buy(ASSET, "usd", asset_type="file")
    keys = [headers["idempotency-key"] for headers in sent_headers[1:]]
    assert len(set(keys[:3])) == 1
    assert keys[3] not in keys[:3]
    assert len(set(bodies[1:])) == 1


def test_a_renewed_token_keeps_the_key():
    """After a rejected token the request is repeated with the same idempotency key."""
    sent_headers, refused = [], (401, {}, b'{"error":{"message":"No.","code":"unauthenticated"}}')
    sent = (200, {}, b'{"data":{"transaction_id":"7","amount_cents":1,"recipient_amount_cents":1}}')
    with (
        scripted_server(TOKEN, refused, TOKEN, sent, headers=sent_headers) as (url, _),
        Exchange(url, "hm_key") as exchange,
    ):
        assert exchange.wallet.send("3", 1, "usd").transaction_id == "7"
    assert sent_headers[1]["idempotency-key"] == sent_headers[3]["idempotency-key"]


def test_retries_of_a_payment_end():
    """If no response arrives, the error says that the payment may have been made; its key can be used again."""
    with scripted_server(TOKEN, (0, {}, b"")) as (url, _), Exchange(url, "hm_key", retry_s=0.3) as exchange:
        with pytest.raises(ServerUnreachable) as lost:
            exchange.wallet.send("3", 1, "btc", idempotency_key="c")
        assert lost.value.was_sent
