"""The usage history and the earnings: purchases and sales in dollars, by record and by asset."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from _support.clients import official_client
from _support.organizations import Organization, User, new_organization
from _support.purchases import BUYER_CREDIT, buy, create_seller_team, make_for_sale, request_refund
from _support.wallets import balance

HISTORY, EARNINGS = "/stripe/usage/history", "/stripe/wallet/pending-earnings"


class Trade:
    """A seller sold a map twice and a poem three times, gave a partial and a complete refund, and bought a hat."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.seller, self.hatter, self.buyers = (
            org.new_user(),
            org.new_user(),
            [org.new_outsider() for _ in range(3)],
        )
        shop = create_seller_team(org, self.seller, self.hatter)
        self.map = make_for_sale(self.seller, None, "map", team_id=shop, price_usd=8)
        self.poem = make_for_sale(self.seller, None, "poem", team_id=shop, price_usd=2, price_sats=900)
        self.hat = make_for_sale(self.hatter, None, "hat", team_id=shop, price_usd=5)
        server = org.server
        self.poems = [buy(server, buyer, self.poem) for buyer in self.buyers]
        self.maps = [buy(server, buyer, self.map) for buyer in self.buyers[:2]]
        self.bought = buy(server, self.seller, self.hat)
        request_refund(self.seller, self.maps[0], amount=150)
        request_refund(self.seller, self.poems[2])
        buy(server, self.buyers[2], self.poem, currency="btc")  # not in dollars, so it does not count


@pytest.fixture(scope="module")
def trade(org_with_fee: Organization) -> Iterator[Trade]:
    """One trade for all tests, none of which changes it."""
    with new_organization(org_with_fee.server) as org:
        yield Trade(org)


def history(person: User, **query: Any) -> Any:
    """Return the whole response."""
    response = person.client.get(HISTORY, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_history_has_purchases_and_sales(trade: Trade) -> None:
    """Buyer and seller see each purchase, newest first and less refunds; the list can be filtered by role and asset."""
    seller, poem = trade.seller, trade.poem
    sold = history(seller, role="creator")["data"]
    newest = [*trade.maps[::-1], *trade.poems[::-1]]
    assert [each["id"] for each in sold["records"]] == newest
    assert [each["total_cents"] for each in sold["records"]] == [800, 650, 0, 200, 200]
    assert [each["status"] for each in sold["records"]] == [
        *("completed", "partially_refunded", "refunded", "completed", "completed")
    ]
    assert sold["summary"] == {"record_count": 5, "total_cents": 1850}
    (record,) = history(seller, role="consumer")["data"]["records"]
    expected = {
        "id": trade.bought,
        "user_id": seller.id,
        "creator_id": trade.hatter.id,
        "asset_id": trade.hat,
        "asset": {"id": trade.hat, "name": "hat", "asset_type": "file"},
        "quantity": 1,
        "cost_unit": "purchase",
        "unit_cost_cents": 500,
        "total_cents": 500,
        "status": "completed",
        "ledger_transaction_id": seller.call("GET", f"/licences/{trade.bought}")["transfer_id"],
        "metadata": {"platform_fee_cents": 12, "refunded_cents": 0},
    }
    assert record | expected == record
    both = history(seller)["data"]
    assert [each["id"] for each in both["records"]] == [trade.bought, *newest]
    assert both["summary"] == {"record_count": 6, "total_cents": 2350}
    assert history(seller, assetId=poem)["data"]["summary"] == {"record_count": 3, "total_cents": 400}
    assert history(seller, assetId=trade.hat, role="creator")["data"]["summary"]["record_count"] == 0


def test_people_see_only_their_own_history(trade: Trade) -> None:
    """Neither other buyers nor administrators see a person's history. Each of a person's keys opens their own."""
    for person, seen in ((trade.org.admin, 0), (trade.buyers[0], 2), (trade.org.with_unbound_key(trade.seller), 6)):
        assert history(person)["data"]["summary"]["record_count"] == seen
    assert history(trade.buyers[0], role="creator")["data"]["records"] == []
    mine = history(trade.buyers[0], assetId=trade.poem)["data"]["records"]
    assert [each["id"] for each in mine] == [trade.poems[0]]


def test_pages_make_the_whole_history(trade: Trade) -> None:
    """Pages of any size make the whole list, each reports whether more follows, and all have the same summary."""
    whole = history(trade.seller)["data"]
    for limit in (1, 2, 3, 6):
        records: list[Any] = []
        while True:
            page = history(trade.seller, limit=limit, offset=len(records))
            records += page["data"]["records"]
            assert page["data"]["summary"] == whole["summary"]
            assert page["pagination"]["total"] == 6
            assert page["pagination"]["hasMore"] == (len(records) < 6)
            if not page["pagination"]["hasMore"]:
                break
        assert records == whole["records"]
    assert history(trade.seller, offset=7)["data"] == {"records": [], "summary": whole["summary"]}


def test_an_invalid_query_is_400(trade: Trade) -> None:
    """An unknown role, an invalid asset id, and a page out of bounds are 400."""
    for query in ({"role": "owner"}, {"assetId": "map"}, {"limit": 0}, {"offset": -1}):
        assert trade.seller.client.get(HISTORY, params=query).status_code == 400


def test_earnings_are_the_income_in_the_wallet(trade: Trade) -> None:
    """Gross earnings are the prices less refunds, and paid earnings are those less the fee. Nothing is pending."""
    earnings = trade.seller.call("GET", EARNINGS)
    assert earnings == {
        "total_pending_cents": 0,
        "in_progress_cents": 0,
        "total_paid_out_cents": 1803,
        "total_gross_earnings_cents": 1850,
        "platform_fee_percent": 2.5,
        "assets": [
            {
                "asset_id": trade.map,
                "name": "map",
                "asset_type": "file",
                "sales": 2,
                "gross_cents": 1450,
                "earned_cents": 1413,
                "pending_cents": 0,
            },
            {
                "asset_id": trade.poem,
                "name": "poem",
                "asset_type": "file",
                "sales": 2,
                "gross_cents": 400,
                "earned_cents": 390,
                "pending_cents": 0,
            },
        ],
    }
    wallet = balance(trade.org.server, trade.seller.id)
    assert wallet == BUYER_CREDIT + earnings["total_paid_out_cents"] - 500
    nothing = trade.buyers[0].call("GET", EARNINGS)
    assert (nothing["assets"], nothing["total_gross_earnings_cents"], nothing["total_paid_out_cents"]) == ([], 0, 0)


def test_the_official_client_reads_both(trade: Trade) -> None:
    """`ouro-py` reads the history and the earnings."""
    with official_client(trade.org.server, trade.seller.member.key) as ouro:
        page = ouro.money.get_usage_history(limit=2, asset_id=trade.poem, role="creator")
        assert (len(page.data), page.has_more, page.total) == (2, True, 3)
        assert (page.summary.record_count, page.summary.total_cents) == (3, 400)
        assert page.data[0].asset_id == UUID(trade.poem)
        earned = ouro.money.get_pending_earnings()
    assert (earned.total_gross_earnings_cents, earned.total_paid_out_cents) == (1850, 1803)
    assert [each["name"] for each in earned.assets] == ["map", "poem"]
