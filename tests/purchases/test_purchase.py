"""Purchases: what a purchase changes, when it is refused, and that no buyer pays twice."""

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


def sell(seller: User, **fields: Any) -> str:
    """Create a file for sale, and return its id. The default price is $12.00 or 2,000 sats."""
    price = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 12, "price_sats": 2000}
    return str(make_file(seller, b"low,high\n1,2\n", "tide.csv", **(price | fields))["id"])


def order(asset: str, **more: Any) -> dict[str, Any]:
    """Return the body of a request to buy a file."""
    return {"assetType": "file", "assetId": asset, **more}


def test_a_purchase_moves_money_and_opens_the_asset(server: Server, seller: User, buyer: User) -> None:
    """One purchase charges the buyer, pays the seller, opens the asset, creates a licence, and notifies both sides."""
    asset, earned = sell(seller, license_id="CC-BY-4.0"), balance(server, seller.id)
    credit(server, buyer.id, 1500)
    assert buyer.client.post(f"/assets/{asset}/download").status_code == 403
    paid = buyer.call("POST", COMMON, json=order(asset))
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


def test_each_currency_has_a_route(server: Server, seller: User, buyer: User) -> None:
    """Satoshis and cents have a route each, whose response has the names that the official client reads."""
    first, second = sell(seller), sell(seller)
    credit(server, buyer.id, 2000, "btc")
    credit(server, buyer.id, 1200)
    sats = buyer.call("POST", SATS, json=order(first))
    assert (sats["transfer"]["totalValue"], sats["platform_fee_transfer"], sats["platform_fee_sats"]) == (2000, None, 0)
    cents = buyer.call("POST", USD, json=order(second))
    assert (cents["price_cents"], cents["platform_fee_cents"], cents["total_cents"]) == (1200, 0, 1200)
    assert (balance(server, buyer.id), balance(server, buyer.id, "btc")) == (0, 0)


def test_without_enough_money_nothing_changes(server: Server, seller: User, buyer: User) -> None:
    """A purchase that the wallet cannot pay is 402 with the missing amount, and the asset stays closed."""
    asset = sell(seller)
    credit(server, buyer.id, 1150)
    response = buyer.client.post(COMMON, json=order(asset))
    assert response.status_code == 402
    error = response.json()["error"]
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
def test_an_asset_that_is_not_for_sale_is_not_sold(
    server: Server, seller: User, buyer: User, fields: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    """An asset that is not for sale, or not in this currency, is 400 with the reason."""
    credit(server, buyer.id, 5000)
    credit(server, buyer.id, 5000, "btc")
    response = buyer.client.post(COMMON, json=order(sell(seller, **fields), **more))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "not_for_sale")
    assert response.json()["error"]["message"] == message
    assert balance(server, buyer.id) == 5000


def test_own_hidden_and_unknown_assets_are_not_sold(server: Server, seller: User, buyer: User) -> None:
    """The buyer's own asset is 400. A hidden or unknown asset, and one of another type, is 404."""
    asset = sell(seller)
    credit(server, buyer.id, 5000)
    assert seller.client.post(COMMON, json=order(asset)).status_code == 400
    for body in (order(sell(seller, visibility="private")), order(str(uuid4())), order(asset) | {"assetType": "post"}):
        assert buyer.client.post(COMMON, json=body).status_code == 404
    for body in (order("x"), order(asset, currency="eur"), {"assetId": asset}, []):
        assert buyer.client.post(COMMON, json=body).status_code == 400
    assert balance(server, buyer.id) == 5000


def test_a_second_purchase_is_409(server: Server, seller: User, buyer: User) -> None:
    """A second purchase of an asset, in either currency, is 409 and charges nothing."""
    asset = sell(seller)
    credit(server, buyer.id, 5000)
    credit(server, buyer.id, 5000, "btc")
    buyer.call("POST", COMMON, json=order(asset))
    for path in (COMMON, USD, SATS):
        response = buyer.client.post(path, json=order(asset))
        assert (response.status_code, response.json()["error"]["code"]) == (409, "already_bought")
    assert (balance(server, buyer.id), balance(server, buyer.id, "btc")) == (3800, 5000)


def test_an_expected_price_is_binding(server: Server, seller: User, buyer: User) -> None:
    """A purchase with an expected price that is no longer the price is 409 with both, and charges nothing."""
    asset = sell(seller)
    credit(server, buyer.id, 5000)
    seller.call("PUT", f"/files/{asset}", json={"file": {"price_usd": 12.5}})
    response = buyer.client.post(COMMON, json=order(asset, price=1200))
    assert (response.status_code, response.json()["error"]["code"]) == (409, "price_changed")
    assert response.json()["error"]["details"] == {"currency": "usd", "price": 1250, "expected": 1200}
    assert balance(server, buyer.id) == 5000
    assert buyer.call("POST", USD, json=order(asset, price=1250))["total_cents"] == 1250


def test_an_idempotency_key_replays_the_first_response(server: Server, seller: User, buyer: User) -> None:
    """A repeated key returns the first response byte for byte, also an error. A different request is 422."""
    asset, key = sell(seller), {"idempotency-key": "order 1"}
    refused = buyer.client.post(COMMON, json=order(asset), headers=key)
    credit(server, buyer.id, 1300)
    repeated = buyer.client.post(COMMON, json=order(asset), headers=key)
    assert (refused.status_code, repeated.status_code, repeated.content) == (402, 402, refused.content)
    key = {"idempotency-key": "order 2"}
    first, second = [buyer.client.post(COMMON, json=order(asset), headers=key) for _ in range(2)]
    assert (first.status_code, second.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert buyer.client.post(COMMON, json=order(sell(seller)), headers=key).status_code == 422
    assert balance(server, buyer.id) == 100


def test_ten_concurrent_purchases_charge_once(server: Server, seller: User, buyer: User) -> None:
    """Of ten concurrent purchases of one asset by one buyer, one succeeds and nine are 409."""
    asset = sell(seller)
    credit(server, buyer.id, 50_000)

    def send(path: str) -> int:
        return buyer.client.post(path, json=order(asset)).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(send, [COMMON, USD] * 5)) == [200] + [409] * 9
    assert balance(server, buyer.id) == 50_000 - 1200


def test_every_key_of_the_buyer_opens_the_asset(server: Server, org: Organization, seller: User) -> None:
    """A purchase with a key of another organization opens the asset for that key and the buyer's other keys."""
    asset, buyer = sell(seller), org.new_outsider()
    credit(server, buyer.id, 1200)
    buyer.call("POST", COMMON, json=order(asset))
    for person in (buyer, org.with_unbound_key(buyer)):
        assert person.client.post(f"/assets/{asset}/download").status_code == 200


def test_the_maximum_price_can_be_paid(server: Server, seller: User, buyer: User) -> None:
    """An asset at the maximum price can be bought, and refunded in parts."""
    price = 21 * 10**14
    asset = sell(seller, price_sats=price)
    credit(server, buyer.id, price, "btc")
    bought = buyer.call("POST", COMMON, json=order(asset, currency="btc", price=price))
    refund = f"/licences/{bought['charge']['licence_id']}/refund"
    assert seller.call("POST", refund, json={"amount": price - 1})["remaining"] == 1
    assert balance(server, buyer.id, "btc") == price - 1


def test_the_sellers_organization_learns_who_bought_but_not_from_where(
    server: Server, org: Organization, buyer: User
) -> None:
    """The organization's audit trail names the buyer; only the buyer's own has the key and the address."""
    shop = create_seller_team(org, seller := org.new_user())
    asset = sell(seller, team_id=shop)
    credit(server, buyer.id, 1200)
    bought = buyer.call("POST", COMMON, json=order(asset))["charge"]
    query = f"?action=asset.purchase&subject={asset}"
    (event,) = org.admin.call("GET", f"/organizations/{org.id}/audit{query}")
    (own,) = org.with_unbound_key(buyer).call("GET", f"/user/audit{query}")
    assert event["details"] == own["details"]
    assert event["details"]["licence"] == bought["licence_id"]
    assert (event["actor"]["user_id"], event["actor_key"], event["address"]) == (buyer.id, None, None)
    assert own["actor_key"]["id"] == buyer.member.key_id
    assert own["address"] == "127.0.0.1"


@pytest.mark.parametrize(("price", "fee"), [(12, 30), (0.39, 0), (0.41, 1)], ids=["even", "none", "down"])
def test_the_fee_is_included_in_the_price(org_with_fee: Organization, price: float, fee: int) -> None:
    """The buyer pays the price; the platform keeps the fee, rounded down; the seller receives the rest."""
    org = org_with_fee
    server, seller, buyer = org.server, org.with_unbound_key(org.admin), org.new_outsider()
    cents, earned = round(price * 100), balance(server, seller.id)
    credit(server, buyer.id, cents)
    paid = buyer.call("POST", USD, json=order(sell(seller, price_usd=price)))
    assert (paid["total_cents"], paid["platform_fee_cents"]) == (cents, fee)
    assert (balance(server, buyer.id), balance(server, seller.id) - earned) == (0, cents - fee)
    postings = server.query("select amount_minor from posting where transfer_id = $1", UUID(paid["transaction_id"]))
    assert sum(row["amount_minor"] for row in postings) == 0
