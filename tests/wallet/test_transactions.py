"""Transactions: every page is a part of the whole list, and each side of a transfer sees its own transaction."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.clients import official_client
from _support.databases import Connection
from _support.files import make_file
from _support.organizations import User, new_organization
from _support.responses import assert_exchange_error
from _support.servers import Server, new_server
from _support.wallets import balance, credit
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE
from hallmarket.server.wallet import operator_transfers
from hallmarket.server.wallet.transactions import KINDS
from hallmarket.server.wallet.types import CURRENCIES

PATH = "/stripe/wallet/transactions"


class Trade:
    """Two people on a server with a fee, with transfers of every kind between them except deposits."""

    def __init__(self, server: Server, seller: User, buyer: User) -> None:
        self.server, self.seller, self.buyer = server, seller, buyer
        for currency in CURRENCIES:
            credit(server, buyer.id, 10_000, currency)
        for number in range(3):
            asset = make_file(
                seller,
                b"%d" % number,
                visibility="monetized",
                monetization="pay-to-unlock",
                price_usd=12,
                price_sats=900,
            )
            root = ("/stripe/wallet", "/stripe/wallet", "/wallet")[number]
            body = {"assetType": "file", "assetId": asset["id"]}
            buyer.call("POST", f"{root}/purchase-asset", json=body)
            seller.call("PUT", f"/files/{asset['id']}", json={"file": {"name": "Renamed later"}})
        (licence,) = buyer.call("GET", "/licences", params={"limit": 1, "offset": 1})
        seller.call("POST", f"/licences/{licence['id']}/refund", json={"amount": 500})
        for _ in range(2):
            tip = buyer.call("POST", "/stripe/wallet/tip", json={"recipientId": seller.id, "amountCents": 7})
            buyer.call("POST", "/wallet/send-sats", json={"recipientId": seller.id, "amount": 7})
        server.admin("correct", tip["transaction_id"], "--reason", "a test")
        server.admin("payout", seller.member.username, "1", "--currency", "usd")
        self.whole = {person: self.read(person, limit=200)["data"] for person in (seller, buyer)}

    def read(self, person: User, **query: object) -> Any:
        """Return a page of a person's dollar transactions."""
        response = person.client.get(PATH, params={name: str(value) for name, value in query.items()})
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def trade() -> Iterator[Trade]:
    """A server where two people traded."""
    with new_server(platform_fee_bps=250) as server, new_organization(server) as org:
        yield Trade(server, org.with_unbound_key(org.admin), org.new_outsider())


@settings(max_examples=40)
@given(data=st.data())
def test_pages_are_parts_of_the_whole(trade: Trade, data: st.DataObject) -> None:
    """With any filter and window, a page is that part of the whole list, and reports exactly whether more follows."""
    person = data.draw(st.sampled_from([trade.seller, trade.buyer]))
    whole, query = trade.whole[person], dict[str, Any]()
    offset, limit = data.draw(st.integers(0, 12)), data.draw(st.integers(1, 12))
    if data.draw(st.booleans()):
        query["type"] = data.draw(st.sampled_from(KINDS))
        whole = [each for each in whole if each["type"] == query["type"]]
    for name in ("since", "until"):
        if data.draw(st.booleans()):
            moment = query[name] = data.draw(st.sampled_from(trade.whole[person]))["created_at"]
            whole = [each for each in whole if (each["created_at"] >= moment) == (name == "since")]
    page = trade.read(person, offset=offset, limit=limit, **query)
    assert page["data"] == whole[offset : offset + limit]
    assert page["pagination"]["hasMore"] is (len(whole) > offset + limit)


def test_both_sides_see_a_transfer(trade: Trade) -> None:
    """Each transfer is in both wallets, from each one's view, and a wallet's transactions sum to its balance."""
    sold, bought = ({each["id"]: each for each in trade.whole[person]} for person in (trade.seller, trade.buyer))
    shared = sold.keys() & bought.keys()
    assert sorted((sold[transfer]["type"], bought[transfer]["type"]) for transfer in shared) == [
        ("correction", "correction"),
        ("refund", "refund"),
        ("sale", "purchase"),
        ("sale", "purchase"),
        ("tip", "tip"),
        ("tip", "tip"),
    ]
    for transfer in shared:
        mine, theirs = sold[transfer], bought[transfer]
        assert mine["metadata"]["counterparty"]["user_id"] == trade.buyer.id
        assert theirs["metadata"]["counterparty"]["user_id"] == trade.seller.id
        fee = mine["metadata"].get("fee", 0)
        difference = mine["amount_cents"] + theirs["amount_cents"]
        assert abs(difference) == fee == {"sale": 30, "refund": 12}.get(mine["type"], 0)
        assert theirs["recipient_user_id"] == mine["recipient_user_id"]
    for person, whole in trade.whole.items():
        assert sum(each["amount_cents"] for each in whole) == balance(trade.server, person.id)
        moments = [each["created_at"] for each in whole]
        assert moments == sorted(moments, reverse=True)
        running = 0
        for each in reversed(whole):
            running += each["amount_cents"]
            assert each["metadata"].get("balance_after", running) == running


def test_a_sold_asset_keeps_its_name(trade: Trade) -> None:
    """Both sides see the name under which an asset was sold, in both currencies, after it is renamed."""
    for person in (trade.seller, trade.buyer):
        bitcoin = person.call("GET", "/wallet/transactions")
        of_assets = [each for each in trade.whole[person] + bitcoin if each["asset_id"]]
        assert {each["type"] for each in of_assets} == {"sale" if person is trade.seller else "purchase", "refund"}
        assert {each["metadata"]["asset_name"] for each in of_assets} == {"a.bin"}


def test_the_currencies_are_listed_apart(trade: Trade) -> None:
    """The list of bitcoin transactions contains all of them, and no dollar transaction."""
    transactions = trade.buyer.call("GET", "/wallet/transactions")
    assert [(each["type"], each["value"]) for each in transactions] == [
        ("send", -7),
        ("send", -7),
        ("purchase", -900),
        ("credit", 10_000),
    ]
    assert not {each["id"] for each in transactions} & {each["id"] for each in trade.whole[trade.buyer]}


def test_the_official_client_receives_all_bitcoin_transactions(trade: Trade) -> None:
    """The official client requests no pages, and receives more bitcoin transactions than fit on one."""
    member, count = trade.server.new_member(), MAX_PAGE_SIZE + 1

    async def fill(connection: Connection) -> None:
        for amount in range(1, count + 1):
            await operator_transfers.credit(connection, member.username, amount, "btc", None)

    trade.server.run_with_connection(fill)
    with official_client(trade.server, member.key) as ouro:
        assert [each.value for each in ouro.money.get_transactions()] == list(range(count, 0, -1))


def test_invalid_filters_are_refused(trade: Trade) -> None:
    """An unknown type, an invalid time, and a window out of bounds are 400."""
    for query in ("type=gift", "since=yesterday", "until=", "limit=0", "limit=201", "offset=-1"):
        assert_exchange_error(trade.buyer.client.get(f"{PATH}?{query}"), 400, "invalid_request")
