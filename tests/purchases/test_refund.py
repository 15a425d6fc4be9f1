"""Refunds: who can give them, how they are split between seller and platform, and what a complete refund ends."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.concurrency import run_overlapping
from _support.organizations import Organization, User, new_organization
from _support.purchases import BUYER_CREDIT, buy, create_seller_team, make_for_sale, request_refund
from _support.wallets import balance, credit
from hallmarket.server.purchases.refund import split_refund
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR

PURCHASE = "/stripe/wallet/purchase-asset"
PRICE, FEE = 1200, 30


class Deal:
    """A file that was sold for $12.00, with a fee of 30 cents."""

    def __init__(self, org: Organization, buyer: User | None = None) -> None:
        self.org = org
        self.seller = org.new_user()
        self.buyer = buyer or org.new_outsider()
        self.shop = create_seller_team(org, self.seller)
        self.asset = make_for_sale(self.seller, b"tides", "tide.csv", team_id=self.shop)
        self.licence = buy(org.server, self.buyer, self.asset)

    @property
    def may_read(self) -> bool:
        """Whether the buyer can download the file."""
        return self.buyer.client.post(f"/assets/{self.asset}/download").content == b"tides"

    @property
    def cents(self) -> tuple[int, int]:
        """What the sale added to the balances of the seller and the buyer."""
        return balance(self.org.server, self.seller.id), balance(self.org.server, self.buyer.id) - BUYER_CREDIT

    @property
    def refunds(self) -> dict[str, dict[str, int]]:
        """The postings of each refund, oldest first."""
        rows = self.org.server.query(
            "select t.id::text, coalesce(a.person_id::text, a.kind) as holder, p.amount_minor"
            " from licence l join transfer t on t.corrects_id = l.transfer_id and t.kind = 'refund'"
            " join posting p on p.transfer_id = t.id join account a on a.id = p.account_id"
            " where l.id = $1 order by t.id, p.line",
            UUID(self.licence),
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["id"], {})[row["holder"]] = row["amount_minor"]
        return found


@pytest.fixture
def org(org_with_fee: Organization) -> Iterator[Organization]:
    """A new organization on the server with a fee."""
    with new_organization(org_with_fee.server) as created:
        yield created


@pytest.fixture
def deal(org: Organization) -> Deal:
    """A sale by a member of the organization to a person outside it."""
    return Deal(org)


@given(
    st.integers(1, MAX_AMOUNT_MINOR),
    st.integers(0, 10_000),
    st.lists(st.floats(0, 1), max_size=8),
)
@settings(max_examples=200)
def test_refunds_are_split_exactly(price: int, fee_bps: int, cuts: list[float]) -> None:
    """In any series of refunds no share is negative, and the returned fee is the exact proportion of the sum."""
    fee = price * fee_bps // 10_000
    stops = sorted({int(price * cut) for cut in cuts} - {0} | {price})
    refunded = seller_back = fee_back = 0
    for stop in stops:
        shares = split_refund(price, fee, refunded, stop - refunded)
        assert min(shares) >= 0
        assert sum(shares) == stop - refunded
        refunded, seller_back, fee_back = stop, seller_back + shares.seller_minor, fee_back + shares.fee_minor
        assert fee_back == fee * refunded // price
    assert (seller_back, fee_back) == (price - fee, fee)


def test_refund_in_two_parts(deal: Deal) -> None:
    """Each part is taken from seller and fee in proportion; the last ends the licence; the file can be bought again."""
    server = deal.org.server
    first = request_refund(deal.seller, deal.licence, amount=500, reason="blurred").json()["data"]
    expected = {"refunded": 500, "refunded_total": 500, "remaining": 700, "ended": False}
    assert first | expected == first
    assert (first["licence_id"], first["currency"], first["status"]) == (deal.licence, "usd", "completed")
    assert deal.may_read
    rest = request_refund(deal.seller, deal.licence).json()["data"]
    expected = {"refunded": 700, "refunded_total": PRICE, "remaining": 0, "ended": True}
    assert rest | expected == rest
    assert deal.refunds == {
        first["id"]: {deal.seller.id: -488, "fee": -12, deal.buyer.id: 500},
        rest["id"]: {deal.seller.id: -682, "fee": -18, deal.buyer.id: 700},
    }
    assert deal.cents == (0, 0)
    stored = server.query("select message from transfer where id = $1", UUID(first["id"]))
    assert stored[0]["message"] == "blurred"
    assert not deal.may_read
    assert buy(server, deal.buyer, deal.asset) != deal.licence
    assert deal.may_read


def test_a_refund_is_announced(deal: Deal) -> None:
    """The buyer is notified of each refund, the seller of those by others, and the audit trail has all."""
    server = deal.org.server
    request_refund(deal.seller, deal.licence, amount=500)
    before = deal.seller.notification_texts(server)
    request_refund(deal.org.admin, deal.licence)
    seller, admin, buyer = (each.member.username for each in (deal.seller, deal.org.admin, deal.buyer))
    assert deal.buyer.notification_texts(server)[-2:] == [
        f"{seller} refunded $5.00 of what you paid for tide.csv",
        f"{admin} refunded $7.00 of what you paid for tide.csv; your licence has ended",
    ]
    text = f"{admin} refunded $7.00 of what {buyer} paid you for tide.csv"
    assert deal.seller.notification_texts(server)[len(before) :] == [text]
    events = deal.org.admin.call("GET", f"/organizations/{deal.org.id}/audit?action=asset.refund")
    assert [(each["actor"]["username"], each["details"]["amount"]) for each in events] == [(admin, 700), (seller, 500)]


def test_the_operator_can_refund(deal: Deal) -> None:
    """The command refunds from the seller's wallet and notifies both sides. A refused command changes nothing."""
    server = deal.org.server
    result = server.admin("refund", deal.licence, "5.00", "--reason", "Not theirs to sell")
    assert (result["refunded"], result["remaining"], result["ended"], result["currency"]) == (500, 700, False, "usd")
    assert deal.seller.notification_texts(server)[-1].startswith("An administrator of this server refunded $5.00")
    for wrong, status in ((["7.01"], 1), (["0.001"], 2), (["1", "--reason", "x" * 1001], 1)):
        assert server.run_admin("refund", deal.licence, *wrong).returncode == status
    assert server.run_admin("refund", str(uuid4())).returncode == 1
    assert server.admin("refund", deal.licence)["ended"]
    assert deal.buyer.notification_texts(server)[-1].endswith("your licence has ended")
    assert deal.cents == (0, 0)
    assert not deal.may_read


def test_who_can_give_a_refund(deal: Deal) -> None:
    """The seller with any key, and the organization's administrators with a key that opens it.

    For all others the licence is 404, except for the buyer, who sees it but gets 403.
    """
    org, server = deal.org, deal.org.server
    helper, stranger, other = org.new_user(), org.new_outsider(), org.new_outsider()
    body = {"permission": {"user": {"user_id": helper.id}, "role": "admin"}}
    deal.seller.call("PUT", f"/assets/{deal.asset}/share", json=body)
    for person, status in ((stranger, 404), (helper, 404), (deal.buyer, 403)):
        assert request_refund(person, deal.licence, amount=1).status_code == status
        seen = person.client.get(f"/licences/{deal.licence}").status_code
        assert seen == (200 if person is deal.buyer else 404)
    # This person administers the organization, but has a key that is bound to another one.
    query = "insert into membership (organization_id, person_id, role) values ($1, $2, 'admin')"
    server.query(query, org.id, other.id)
    assert request_refund(other, deal.licence, amount=1).status_code == 404
    assert request_refund(org.with_unbound_key(other), deal.licence, amount=1).status_code == 200
    assert request_refund(org.admin, deal.licence, amount=1).status_code == 200
    assert org.admin.call("GET", f"/licences/{deal.licence}")["refunded"] == 2
    assert request_refund(org.with_unbound_key(deal.seller), deal.licence, amount=1).status_code == 200
    assert len(deal.refunds) == 3


def test_a_buyer_cannot_refund_themselves(org: Organization) -> None:
    """A buyer cannot give themselves a refund, even as an administrator of the organization that sold the asset."""
    deal = Deal(org, buyer=org.admin)
    assert request_refund(org.admin, deal.licence).status_code == 403
    assert not deal.refunds


def test_refunds_do_not_exceed_the_price(deal: Deal) -> None:
    """A refund of more than the rest is 409 with the rest. An ended licence stays ended after its asset is deleted."""
    assert request_refund(deal.seller, deal.licence, amount=500).status_code == 200
    refused = request_refund(deal.seller, deal.licence, amount=701)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert refused.json()["error"]["details"] == {"currency": "usd", "amount": 701, "remaining": 700}
    assert request_refund(deal.seller, deal.licence, amount=700).json()["data"]["ended"]
    deal.seller.call("DELETE", f"/files/{deal.asset}")
    for more in (None, 1):
        assert request_refund(deal.seller, deal.licence, amount=more).status_code == 409
    assert deal.cents == (0, 0)


def test_an_invalid_refund_is_400(deal: Deal) -> None:
    """An invalid amount and an invalid reason are 400, and no money moves."""
    for amount in (0, -1, 1.5, "one", MAX_AMOUNT_MINOR + 1):
        assert request_refund(deal.seller, deal.licence, amount=amount).status_code == 400, amount
    assert request_refund(deal.seller, deal.licence, reason="x" * 1001).status_code == 400
    assert request_refund(deal.seller, deal.licence, key="nul", reason="a\0b").status_code == 400
    assert deal.cents == (PRICE - FEE, -PRICE)


def test_the_seller_must_have_the_money(deal: Deal) -> None:
    """A refund that the seller's wallet does not hold is 402. Only the seller sees the balance in the details."""
    org = deal.org
    other = make_for_sale(org.admin, team_id=deal.shop, price_usd=(PRICE - FEE) / 100)
    deal.seller.call("POST", PURCHASE, json={"assetType": "file", "assetId": other})
    refused = request_refund(deal.seller, deal.licence, key="first")
    assert refused.status_code == 402
    assert refused.json()["error"]["details"] == {"currency": "usd", "amount": 1170, "available": 0, "missing": 1170}
    refused = request_refund(org.admin, deal.licence)
    assert (refused.status_code, "details" in refused.json()["error"]) == (402, False)
    assert deal.may_read
    credit(org.server, deal.seller.id, 1169)
    assert request_refund(deal.seller, deal.licence).json()["error"]["details"]["missing"] == 1
    credit(org.server, deal.seller.id, 1)
    assert request_refund(deal.seller, deal.licence, key="first").status_code == 402
    assert request_refund(deal.seller, deal.licence, key="second").status_code == 200
    assert deal.cents == (0, 0)


def test_an_idempotency_key_replays_the_first_response(deal: Deal) -> None:
    """A repeated key returns the same bytes, also of an error, and no money moves twice. A different request is 422."""
    first = request_refund(deal.seller, deal.licence, key="part", amount=500)
    refused = request_refund(deal.seller, deal.licence, key="refused", amount=701)
    request_refund(deal.seller, deal.licence, amount=100)
    for original, key, amount in ((first, "part", 500), (refused, "refused", 701)):
        repeated = request_refund(deal.seller, deal.licence, key=key, amount=amount)
        assert (repeated.status_code, repeated.content) == (original.status_code, original.content)
        assert repeated.headers["idempotent-replayed"] == "true"
        assert request_refund(deal.seller, deal.licence, key=key, amount=1).status_code == 422
    assert len(deal.refunds) == 2


@pytest.mark.parametrize(
    ("amounts", "statuses"),
    [
        ((None, None), [200, 409]),
        ((700, 700), [200, 409]),
        ((400, 400, 400, None), [200, 200, 200, 409]),
        ((500, None), [200, 200]),
    ],
    ids=("whole-twice", "most-twice", "thirds-and-rest", "part-and-rest"),
)
def test_concurrent_refunds(deal: Deal, amounts: tuple[int | None, ...], statuses: list[int]) -> None:
    """Concurrent refunds run one after the other, and their sum does not exceed the price."""
    path = f"/licences/{deal.licence}/refund"
    people = (deal.seller, deal.org.admin)
    calls = [(people[n % 2], "POST", path, {} if each is None else {"amount": each}) for n, each in enumerate(amounts)]
    assert sorted(run_overlapping(deal.org.server, calls)) == statuses
    assert sum(moved[deal.buyer.id] for moved in deal.refunds.values()) == deal.cents[1] + PRICE <= PRICE


def test_a_purchase_during_a_refund_waits_for_it(deal: Deal) -> None:
    """A purchase during a refund is executed after it: the buyer has one active licence, and can read the file."""
    server, order = deal.org.server, {"assetType": "file", "assetId": deal.asset}
    calls = [
        (deal.seller, "POST", f"/licences/{deal.licence}/refund", {}),
        (deal.buyer, "POST", PURCHASE, order),
    ]
    assert run_overlapping(server, calls) == [200, 200]
    assert deal.may_read
    ended = server.query("select ended_on is not null from licence where asset_id = $1 order by created_on", deal.asset)
    assert [row[0] for row in ended] == [True, False]
    assert deal.cents == (PRICE - FEE, -PRICE)
