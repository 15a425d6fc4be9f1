"""Buying: what a purchase leaves behind, when there is none, and that nobody pays twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from _support.files import make_file
from _support.organizations import Organization, User
from _support.purchases import create_seller_team
from _support.servers import Server
from _support.wallets import balance, credit

COMMON, SATS, USD = "/elements/common/purchase-asset", "/wallet/purchase-asset", "/stripe/wallet/purchase-asset"


def make(seller: User, **fields: Any) -> str:
    """The id of a file for sale: $12.00 or 2,000 sats unless told."""
    said = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12, "price_sats": 2000} | fields
    return str(make_file(seller, b"low,high\n1,2\n", "tide.csv", **said)["id"])


def want(asset: str, **more: Any) -> dict[str, Any]:
    """The body of a purchase of a file."""
    return {"assetType": "file", "assetId": asset, **more}


def test_a_purchase_moves_money_and_opens_the_asset(server: Server, seller: User, buyer: User) -> None:
    """Charge, seller's share, right, licence, log entry and two notifications come of one purchase."""
    asset, earned = make(seller, license_id="CC-BY-4.0"), balance(server, seller.id)
    credit(server, buyer.id, 1500)
    assert buyer.client.post(f"/assets/{asset}/download").status_code == 403
    paid = buyer.call("POST", COMMON, json=want(asset))
    assert (paid["charge"]["amount"], paid["charge"]["currency"]) == (1200, "usd")
    assert (paid["transfer"]["amount"], paid["transfer"]["recipient_id"]) == (1200, seller.id)
    assert (balance(server, buyer.id), balance(server, seller.id) - earned) == (300, 1200)
    assert buyer.client.post(f"/assets/{asset}/download").content == b"low,high\n1,2\n"
    (licence,) = server.query("select * from licence where asset_id = $1", UUID(asset))
    assert (str(licence["buyer_id"]), str(licence["seller_id"]), licence["price_minor"]) == (buyer.id, seller.id, 1200)
    assert (str(licence["id"]), licence["license_id"]) == (paid["charge"]["licence_id"], "CC-BY-4.0")
    assert licence["content_size"] == 13
    assert buyer.notification_texts(server)[-1] == "You bought tide.csv for $12.00"
    assert seller.notification_texts(server)[-1] == f"{buyer.member.username} bought tide.csv for $12.00"


def test_each_currency_has_its_route(server: Server, seller: User, buyer: User) -> None:
    """Satoshis and cents are paid by their own routes, each answering in the official client's words."""
    first, second = make(seller), make(seller)
    credit(server, buyer.id, 2000, "btc")
    credit(server, buyer.id, 1200)
    sats = buyer.call("POST", SATS, json=want(first))
    assert (sats["transfer"]["totalValue"], sats["platform_fee_transfer"], sats["platform_fee_sats"]) == (2000, None, 0)
    cents = buyer.call("POST", USD, json=want(second))
    assert (cents["price_cents"], cents["platform_fee_cents"], cents["total_cents"]) == (1200, 0, 1200)
    assert (balance(server, buyer.id), balance(server, buyer.id, "btc")) == (0, 0)


def test_without_the_money_nothing_changes(server: Server, seller: User, buyer: User) -> None:
    """A purchase that the wallet cannot pay is 402 and says what is missing; the asset stays closed."""
    asset = make(seller)
    credit(server, buyer.id, 1150)
    answer = buyer.client.post(COMMON, json=want(asset))
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert error["message"] == "This needs $12.00, but your wallet holds $11.50. Add $0.50 and try again."
    assert error["details"] == {"currency": "usd", "amount": 1200, "available": 1150, "missing": 50}
    assert balance(server, buyer.id) == 1150
    assert buyer.client.post(f"/assets/{asset}/download").status_code == 403
    assert server.query("select from licence where asset_id = $1", UUID(asset)) == []


@pytest.mark.parametrize(
    ("fields", "more", "message"),
    [
        ({"price_sats": 0}, {"currency": "btc"}, "This file is not sold in bitcoin. It costs $12.00."),
        ({"price_usd": 0}, {"currency": "usd"}, "This file is not sold in US dollars. It costs 2,000 sats."),
        ({"monetization": "pay-per-use"}, {}, "This file is paid for per use and cannot be bought."),
        ({"visibility": "public"}, {}, "This file is not for sale."),
    ],
    ids=["no-sats", "no-dollars", "per-use", "public"],
)
def test_what_is_not_for_sale_is_not_sold(
    server: Server, seller: User, buyer: User, fields: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    """An asset that is not sold, or not in this currency, is 400, and says so."""
    credit(server, buyer.id, 5000)
    credit(server, buyer.id, 5000, "btc")
    answer = buyer.client.post(COMMON, json=want(make(seller, **fields), **more))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_for_sale")
    assert answer.json()["error"]["message"] == message
    assert balance(server, buyer.id) == 5000


def test_own_hidden_and_unknown_assets_are_not_sold(server: Server, seller: User, buyer: User) -> None:
    """One's own is 400; what one may not know of, what there is not, and what is of another type is 404."""
    asset = make(seller)
    credit(server, buyer.id, 5000)
    assert seller.client.post(COMMON, json=want(asset)).status_code == 400
    for body in (want(make(seller, visibility="private")), want(str(uuid4())), want(asset) | {"assetType": "post"}):
        assert buyer.client.post(COMMON, json=body).status_code == 404
    for body in (want("x"), want(asset, currency="eur"), {"assetId": asset}, []):
        assert buyer.client.post(COMMON, json=body).status_code == 400
    assert balance(server, buyer.id) == 5000


def test_bought_already_is_409(server: Server, seller: User, buyer: User) -> None:
    """A second purchase, also in the other currency, is 409 and takes nothing."""
    asset = make(seller)
    credit(server, buyer.id, 5000)
    credit(server, buyer.id, 5000, "btc")
    buyer.call("POST", COMMON, json=want(asset))
    for path in (COMMON, USD, SATS):
        answer = buyer.client.post(path, json=want(asset))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_bought")
    assert (balance(server, buyer.id), balance(server, buyer.id, "btc")) == (3800, 5000)


def test_a_price_that_was_shown_is_held_to(server: Server, seller: User, buyer: User) -> None:
    """A purchase that names another price than it costs by now is 409 with both, and takes nothing."""
    asset = make(seller)
    credit(server, buyer.id, 5000)
    seller.call("PUT", f"/files/{asset}", json={"file": {"price_usd": 12.5}})
    answer = buyer.client.post(COMMON, json=want(asset, price=1200))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "price_changed")
    assert answer.json()["error"]["details"] == {"currency": "usd", "price": 1250, "expected": 1200}
    assert balance(server, buyer.id) == 5000
    assert buyer.call("POST", USD, json=want(asset, price=1250))["total_cents"] == 1250


def test_a_key_is_answered_once(server: Server, seller: User, buyer: User) -> None:
    """Under one Idempotency-Key the first answer comes again to the byte, good or bad; another request is 422."""
    asset, key = make(seller), {"idempotency-key": "order 1"}
    short = buyer.client.post(COMMON, json=want(asset), headers=key)
    credit(server, buyer.id, 1300)
    again = buyer.client.post(COMMON, json=want(asset), headers=key)
    assert (short.status_code, again.status_code, again.content) == (402, 402, short.content)
    key = {"idempotency-key": "order 2"}
    first, second = [buyer.client.post(COMMON, json=want(asset), headers=key) for _ in range(2)]
    assert (first.status_code, second.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert buyer.client.post(COMMON, json=want(make(seller)), headers=key).status_code == 422
    assert balance(server, buyer.id) == 100


def test_ten_at_once_are_one(server: Server, seller: User, buyer: User) -> None:
    """Ten purchases of one asset by one buyer, sent at once, are one."""
    asset = make(seller)
    credit(server, buyer.id, 50_000)

    def send(path: str) -> int:
        return buyer.client.post(path, json=want(asset)).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(send, [COMMON, USD] * 5)) == [200] + [409] * 9
    assert balance(server, buyer.id) == 50_000 - 1200


def test_a_key_bound_elsewhere_opens_what_it_bought(server: Server, org: Organization, seller: User) -> None:
    """What a key of another organization bought is read with that key and with every other of its person."""
    asset, buyer = make(seller), org.new_outsider()
    credit(server, buyer.id, 1200)
    buyer.call("POST", COMMON, json=want(asset))
    for who in (buyer, org.with_unbound_key(buyer)):
        assert who.client.post(f"/assets/{asset}/download").status_code == 200


def test_the_highest_price(server: Server, seller: User, buyer: User) -> None:
    """What costs the most that may be asked is bought at the price that was shown, and paid back in parts."""
    most = 21 * 10**14
    asset = make(seller, price_sats=most)
    credit(server, buyer.id, most, "btc")
    bought = buyer.call("POST", COMMON, json=want(asset, currency="btc", price=most))
    refund = f"/licences/{bought['charge']['licence_id']}/refund"
    assert seller.call("POST", refund, json={"amount": most - 1})["remaining"] == 1
    assert balance(server, buyer.id, "btc") == most - 1


def test_the_sellers_organization_learns_who_bought_and_not_from_where(
    server: Server, org: Organization, buyer: User
) -> None:
    """Its administrators read by whom a purchase was; the buyer alone reads with which key, from which address."""
    shop = create_seller_team(org, seller := org.new_user())
    asset = make(seller, team_id=shop)
    credit(server, buyer.id, 1200)
    bought = buyer.call("POST", COMMON, json=want(asset))["charge"]
    about = f"?action=asset.purchase&subject={asset}"
    (told,) = org.admin.call("GET", f"/organizations/{org.id}/audit{about}")
    (own,) = org.with_unbound_key(buyer).call("GET", f"/user/audit{about}")
    assert told["details"] == own["details"]
    assert told["details"]["licence"] == bought["licence_id"]
    assert (told["actor"]["user_id"], told["actor_key"], told["address"]) == (buyer.id, None, None)
    assert own["actor_key"]["id"] == buyer.member.key_id
    assert own["address"] == "127.0.0.1"


@pytest.mark.parametrize(("price", "fee"), [(12, 30), (0.39, 0), (0.41, 1)], ids=["even", "none", "down"])
def test_the_fee_is_inside_the_price(taxed: Organization, price: float, fee: int) -> None:
    """The buyer pays the price; the seller receives it less the fee, which is rounded down; the platform the rest."""
    server, seller, buyer = taxed.server, taxed.with_unbound_key(taxed.admin), taxed.new_outsider()
    cents, earned = round(price * 100), balance(server, seller.id)
    credit(server, buyer.id, cents)
    paid = buyer.call("POST", USD, json=want(make(seller, price_usd=price)))
    assert (paid["total_cents"], paid["platform_fee_cents"]) == (cents, fee)
    assert (balance(server, buyer.id), balance(server, seller.id) - earned) == (0, cents - fee)
    lines = server.query("select amount_minor from posting where transfer_id = $1", UUID(paid["transaction_id"]))
    assert sum(row["amount_minor"] for row in lines) == 0
