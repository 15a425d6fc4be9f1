"""What moved in a wallet: every page is a part of the whole, which each of the two sides sees as their own."""

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
from hallmarket.server.http.exchange import MAX_ITEMS
from hallmarket.server.wallet import operate
from hallmarket.server.wallet.history import KINDS
from hallmarket.server.wallet.transfer import CURRENCIES

PATH = "/stripe/wallet/transactions"


class Trade:
    """Two people on a server with a fee, between whom money moved in every way but by card."""

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
            seller.call("PUT", f"/files/{asset['id']}", json={"file": {"name": "Called so since"}})
        (licence,) = buyer.call("GET", "/licences", params={"limit": 1, "offset": 1})
        seller.call("POST", f"/licences/{licence['id']}/refund", json={"amount": 500})
        for _ in range(2):
            tip = buyer.call("POST", "/stripe/wallet/tip", json={"recipientId": seller.id, "amountCents": 7})
            buyer.call("POST", "/wallet/send-sats", json={"recipientId": seller.id, "amount": 7})
        server.admin("correct", tip["transaction_id"], "--reason", "a test")
        server.admin("payout", seller.member.username, "1", "--currency", "usd")
        self.whole = {who: self.read(who, limit=200)["data"] for who in (seller, buyer)}

    def read(self, who: User, **query: object) -> Any:
        """A page of what moved in somebody's dollars."""
        response = who.client.get(PATH, params={name: str(value) for name, value in query.items()})
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
    """Whatever the filters and the window, a page is that part of the whole, and says exactly whether more follows."""
    who = data.draw(st.sampled_from([trade.seller, trade.buyer]))
    whole, query = trade.whole[who], dict[str, Any]()
    offset, limit = data.draw(st.integers(0, 12)), data.draw(st.integers(1, 12))
    if data.draw(st.booleans()):
        query["type"] = data.draw(st.sampled_from(KINDS))
        whole = [move for move in whole if move["type"] == query["type"]]
    for name in ("since", "until"):
        if data.draw(st.booleans()):
            moment = query[name] = data.draw(st.sampled_from(trade.whole[who]))["created_at"]
            whole = [move for move in whole if (move["created_at"] >= moment) == (name == "since")]
    page = trade.read(who, offset=offset, limit=limit, **query)
    assert page["data"] == whole[offset : offset + limit]
    assert page["pagination"]["hasMore"] is (len(whole) > offset + limit)


def test_both_sides(trade: Trade) -> None:
    """Each transfer is in both wallets, as what it is to each; all of a wallet's movements come to its balance."""
    mine, theirs = ({move["id"]: move for move in trade.whole[who]} for who in (trade.seller, trade.buyer))
    sides = sorted((mine[both]["type"], theirs[both]["type"]) for both in mine.keys() & theirs.keys())
    assert sides == [
        ("correction", "correction"),
        ("refund", "refund"),
        ("sale", "purchase"),
        ("sale", "purchase"),
        ("tip", "tip"),
        ("tip", "tip"),
    ]
    for both in mine.keys() & theirs.keys():
        assert mine[both]["metadata"]["counterparty"]["user_id"] == trade.buyer.id
        assert theirs[both]["metadata"]["counterparty"]["user_id"] == trade.seller.id
        fee = mine[both]["metadata"].get("fee", 0)
        gap = mine[both]["amount_cents"] + theirs[both]["amount_cents"]
        assert abs(gap) == fee == {"sale": 30, "refund": 12}.get(mine[both]["type"], 0)
        assert theirs[both]["recipient_user_id"] == mine[both]["recipient_user_id"]
    for who, whole in trade.whole.items():
        assert sum(move["amount_cents"] for move in whole) == balance(trade.server, who.id)
        moments = [move["created_at"] for move in whole]
        assert moments == sorted(moments, reverse=True)
        running = 0
        for move in reversed(whole):
            running += move["amount_cents"]
            assert move["metadata"].get("balance_after", running) == running


def test_what_was_sold_keeps_its_name(trade: Trade) -> None:
    """Both sides see the name an asset was sold under, in both currencies, whatever it is called since."""
    for who in (trade.seller, trade.buyer):
        named = [move for move in trade.whole[who] + who.call("GET", "/wallet/transactions") if move["asset_id"]]
        assert {move["type"] for move in named} == {"sale" if who is trade.seller else "purchase", "refund"}
        assert {move["metadata"]["asset_name"] for move in named} == {"a.bin"}


def test_bitcoin_is_a_list_of_its_own(trade: Trade) -> None:
    """The history in bitcoin has what moved in bitcoin, whole, and nothing of the dollars."""
    moves = trade.buyer.call("GET", "/wallet/transactions")
    assert [(move["type"], move["value"]) for move in moves] == [
        ("send", -7),
        ("send", -7),
        ("purchase", -900),
        ("credit", 10_000),
    ]
    assert not {move["id"] for move in moves} & {move["id"] for move in trade.whole[trade.buyer]}


def test_the_official_client_is_told_all_of_it(trade: Trade) -> None:
    """More movements in bitcoin than a page holds come whole to the official client, which asks for no pages."""
    who, many = trade.server.new_member(), MAX_ITEMS + 1

    async def give(connection: Connection) -> None:
        for amount in range(1, many + 1):
            await operate.credit(connection, who.username, amount, "btc", None)

    trade.server.run_with_connection(give)
    with official_client(trade.server, who.key) as ouro:
        assert [move.value for move in ouro.money.get_transactions()] == list(range(many, 0, -1))


def test_filters_that_are_none(trade: Trade) -> None:
    """A kind that there is not, a time that is none, and a window out of bounds are 400."""
    for wrong in ("type=gift", "since=yesterday", "until=", "limit=0", "limit=201", "offset=-1"):
        assert_exchange_error(trade.buyer.client.get(f"{PATH}?{wrong}"), 400, "invalid_request")
