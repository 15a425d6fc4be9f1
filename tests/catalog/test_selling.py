"""Assets for sale: prices, terms, permissions of buyers, and what a purchase protects."""

from typing import Any
from uuid import uuid4

import pytest

from _support.assets import make_asset
from _support.concurrency import run_overlapping
from _support.datasets import make_dataset
from _support.files import make_file
from _support.organizations import Organization, User
from _support.purchases import buy, request_refund
from _support.responses import assert_exchange_error
from _support.wallets import credit

TEXT = "You may look.\r\n\r\nYou may not touch. ☞ ".ljust(20_000, "x")


def sell(org: Organization, asset_type: str = "file", **fields: Any) -> str:
    """Create an asset of the administrator that is for sale, in a public team."""
    team = org.admin.create_team(f"shop-{uuid4().hex}", visibility="public")["id"]
    sold = {"visibility": "monetized", "price_usd": 12, "team_id": team} | fields
    return make_asset(org.server, org.admin, asset_type, **sold)


def share(org: Organization, asset: str, person: User, role: str) -> None:
    """Grant a person a role on the administrator's asset."""
    given = {"permission": {"user": {"user_id": person.id}, "role": role}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)


def list_permissions(org: Organization, asset: str) -> dict[str, tuple[str, bool]]:
    """Return each person's role on the administrator's asset, and whether they bought it."""
    page = org.admin.call("GET", f"/assets/{asset}/permissions")
    return {row["user_id"]: (row["role"], row["bought"]) for row in page}


def search(who: User, scope: str) -> list[str]:
    """Return the ids that a person finds in a scope."""
    return [hit["id"] for hit in who.call("GET", "/search/assets", params={"scope": scope})]


def unlock_message(who: User, asset: str) -> str:
    """Return the error message for a person who requests the content of an asset."""
    response = who.client.get(f"/assets/{asset}/comments")
    return str(assert_exchange_error(response, 403, "locked")["message"])


def test_bought_assets_are_in_their_own_scope(org: Organization) -> None:
    """`purchased` finds bought assets with any key, also when they become private; `shared` finds granted ones only."""
    asset, given = sell(org), sell(org)
    bound = org.new_outsider()
    free = org.with_unbound_key(bound)
    buy(org.server, bound, asset)
    share(org, given, bound, "read")
    for visibility in ("monetized", "private"):
        statement = "update asset set visibility = $1 where id = any ($2::uuid[])"
        org.server.query(statement, visibility, [asset, given])
        for who in (bound, free):
            assert search(who, "purchased") == [asset]
        assert search(free, "shared") == [given]
        assert asset not in search(bound, "shared")
    share(org, asset, bound, "write")
    assert search(free, "purchased") == [asset]
    assert set(search(free, "shared")) == {asset, given}


def test_roles_are_independent_of_purchases(org: Organization) -> None:
    """Revoking a role keeps the purchase, and a refund keeps the role; both are listed and explained separately."""
    asset, buyer, other = sell(org), org.with_unbound_key(org.new_outsider()), org.new_outsider()

    def reasons() -> list[str]:
        return [reason["code"] for reason in buyer.call("GET", f"/assets/{asset}/explain")["reasons"]]

    def expect(role: str | None, bought: bool, *codes: str) -> None:
        shown = {} if role is None else {buyer.id: (role, bought)}
        assert list_permissions(org, asset) == {org.admin.id: ("admin", False)} | shown
        assert reasons() == ["for_sale", *codes]
        effective = role if role == "write" else "read" if role or bought else None
        assert buyer.call("GET", f"/assets/{asset}")["role"] == effective

    expect(None, False, "no_role")
    share(org, asset, buyer, "write")
    expect("write", False, "granted")
    licence = buy(org.server, buyer, asset)
    expect("write", True, "bought", "granted")
    share(org, asset, buyer, "none")
    expect("read", True, "bought")
    share(org, asset, buyer, "none")
    share(org, asset, buyer, "write")
    expect("write", True, "bought", "granted")
    assert request_refund(org.admin, licence).status_code == 200
    expect("write", False, "granted")
    share(org, asset, buyer, "none")
    share(org, asset, other, "none")
    expect(None, False, "no_role")


def test_access_through_a_bought_parent_is_explained(org: Organization) -> None:
    """Access to a child of a bought asset is explained, also for a key that is bound to another organization."""
    asset, buyer = sell(org, "post"), org.new_outsider()
    child = make_asset(org.server, org.admin, parent_id=asset)
    buy(org.server, buyer, asset)
    explained = buyer.call("GET", f"/assets/{child}/explain")
    assert (explained["allowed"], explained["role"]) == (True, "read")
    assert [(reason["code"], reason["gives"]) for reason in explained["reasons"]] == [
        ("for_sale", "listing"),
        ("bought", "read"),
    ]


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_bought_assets_cannot_be_deleted(org: Organization, dry_run: str) -> None:
    """Deleting a bought asset, or its parent with children, is 409 with the number of buyers and what to do."""
    seller, server = org.with_unbound_key(org.admin), org.server
    sold = {"visibility": "monetized", "price_usd": 3}
    folder = {"post": {"visibility": "private"}, "content": "a"}
    assets = {
        "files": make_file(seller, **sold)["id"],
        "datasets": make_dataset(seller, **sold)["id"],
        "posts": seller.call("POST", "/posts/create", json={"post": sold, "content": "a"})["id"],
    }
    for kind, asset in assets.items():
        licences = [buy(server, org.new_outsider(), asset) for _ in range(2)]
        for path in (f"/{kind}/{asset}", f"/assets/{asset}"):
            message = conflict_message(seller, path, dry_run=dry_run)
            assert message.startswith("2 people bought it"), message
            assert "refund each of their licences in full first, or make what they bought private" in message
        for licence in licences:
            assert request_refund(seller, licence).status_code == 200
        seller.call("DELETE", f"/{kind}/{asset}", params={"dry_run": dry_run})
    parent = seller.call("POST", "/posts/create", json=folder)["id"]
    buy(server, org.new_outsider(), make_file(seller, **sold, parent_id=parent)["id"])
    message = conflict_message(seller, f"/posts/{parent}", dry_run=dry_run, delete_children="true")
    assert message.startswith("1 person bought part of it"), message
    seller.call("DELETE", f"/posts/{parent}", params={"dry_run": dry_run})  # without its children


def conflict_message(who: User, path: str, **query: str) -> str:
    """Return the error message for a person whose deletion is a conflict."""
    return str(assert_exchange_error(who.client.delete(path, params=query), 409, "conflict")["message"])


def test_a_purchase_during_deletion_wins(org: Organization) -> None:
    """If an asset is bought while it is deleted with its parent, the purchase succeeds and nothing is deleted."""
    seller, buyer = org.with_unbound_key(org.admin), org.new_outsider()
    parent = seller.call("POST", "/posts/create", json={"post": {"visibility": "private"}, "content": "a"})["id"]
    child = make_file(seller, visibility="monetized", price_usd=3, parent_id=parent)["id"]
    credit(org.server, buyer.id, 300)
    purchase = ("POST", "/elements/common/purchase-asset", {"assetType": "file", "assetId": child})
    deletion = ("DELETE", f"/posts/{parent}?delete_children=true", None)
    assert run_overlapping(org.server, [(buyer, *purchase), (seller, *deletion)]) == [200, 409]
    assert buyer.call("GET", f"/assets/{child}")["role"] == "read"
    assert seller.call("GET", f"/assets/{child}")["parent_id"] == parent


def test_licence_texts(org: Organization) -> None:
    """Every type stores a licence text exactly as sent, and returns it for a single asset but not in lists."""
    admin = org.with_unbound_key(org.admin)
    fields = {"license_id": "Look", "license_text": TEXT, "visibility": "private"}
    post = admin.call("POST", "/posts/create", json={"post": {"name": "p"} | fields, "content": "a"})
    comment = {"comment": {"parent_id": post["id"], "license_text": TEXT}, "content": "a"}
    assets = {
        "post": post,
        "file": make_file(admin, **fields),
        "dataset": make_dataset(admin, **fields),
        "comment": admin.call("POST", "/comments/create", json=comment),
    }
    for kind, asset in assets.items():
        path = f"/{kind}s/{asset['id']}"
        for shown in (asset, admin.call("GET", path), admin.call("GET", f"/assets/{asset['id']}")):
            assert shown["license_text"] == TEXT
        for text, stored in (("You may.", "You may."), (None, None)):
            assert admin.call("PUT", path, json={kind: {"license_text": text}})["license_text"] == stored
        assert admin.call("PUT", path, json={kind: {}})["license_text"] is None
        for invalid in ("x" * 20_001, "a\0b", 7):
            response = admin.client.put(path, json={kind: {"license_text": invalid}})
            assert_exchange_error(response, 400, "invalid_request")
    for page in ("/search/assets", f"/assets/{post['id']}/comments"):
        listed = admin.call("GET", page, params={"limit": 9})
        assert listed
        assert not any("license_text" in asset for asset in listed)


def test_writers_cannot_change_the_terms(org: Organization) -> None:
    """Only administrators change the licence text, as with the price."""
    asset = make_file(org.admin, visibility="private")["id"]
    writer = org.new_user()
    share(org, asset, writer, "write")
    response = writer.client.put(f"/files/{asset}", json={"file": {"license_text": "all yours"}})
    assert_exchange_error(response, 403, "forbidden")


def test_prices(org: Organization) -> None:
    """The price in each currency changes separately, 0 removes it, and a negative price is rejected."""
    admin, outsider = org.with_unbound_key(org.admin), org.new_outsider()
    file = make_file(admin, visibility="monetized", price_usd=12)
    path = f"/files/{file['id']}"
    buy = "(POST /elements/common/purchase-asset)."
    assert file["monetization"] == "pay-to-unlock"
    assert unlock_message(outsider, file["id"]) == f"Unlock this file to see what is in it: it costs $12.00 {buy}"
    for fields, usd, sats, words in (
        ({"price_sats": 2000}, 12, 2000, "$12.00 or 2,000 sats"),
        ({"price_usd": 1234.5}, 1234.5, 2000, "$1,234.50 or 2,000 sats"),
        ({"price_usd": 0}, None, 2000, "2,000 sats"),
        ({"price": 0.07}, 0.07, 2000, "$0.07 or 2,000 sats"),
        ({"price": 7, "price_currency": "btc"}, 0.07, 7, "$0.07 or 7 sats"),
        ({"price_sats": 0}, 0.07, None, "$0.07"),
        ({"name": "Anew"}, 0.07, None, "$0.07"),
    ):
        changed = admin.call("PUT", path, json={"file": fields})
        assert (changed["price_usd"], changed["price_sats"]) == (usd, sats)
        assert unlock_message(outsider, file["id"]) == f"Unlock this file to see what is in it: it costs {words} {buy}"
    for invalid in ({"price_usd": -1}, {"price_sats": -1}, {"price": -1}, {"price_usd": 0.001}, {"price_sats": 1.5}):
        assert admin.client.put(path, json={"file": invalid}).status_code == 400
    assert admin.call("PUT", path, json={"file": {"price_usd": 0}})["visibility"] == "monetized"
    assert unlock_message(outsider, file["id"]).endswith(": its owner does not sell it now.")
    admin.call("PUT", path, json={"file": {"price_usd": 3, "monetization": "pay-per-use"}})
    assert unlock_message(outsider, file["id"]).endswith(": its owner does not sell it now.")


def test_monetized_assets_are_pay_to_unlock_by_default(org: Organization) -> None:
    """Visibility `monetized` implies `pay-to-unlock`, unless the owner chooses another monetization."""
    admin = org.with_unbound_key(org.admin)
    file = make_file(admin, visibility="private", price_usd=5)
    assert file["monetization"] == "none"

    def change(**fields: Any) -> str:
        return str(admin.call("PUT", f"/files/{file['id']}", json={"file": fields})["monetization"])

    assert change(name="Anew") == "none"
    assert change(visibility="monetized") == "pay-to-unlock"
    assert change(monetization="none") == "none"
    assert change(visibility="monetized", name="More") == "none"  # it was monetized before
    assert change(visibility="private", monetization="pay-per-use") == "pay-per-use"
    assert change(visibility="monetized") == "pay-per-use"
    chosen = make_file(admin, visibility="monetized", monetization="pay-per-use")
    assert chosen["monetization"] == "pay-per-use"


def test_changes_do_not_affect_buyers(org: Organization) -> None:
    """Buyers can read an asset after its price, terms and visibility change."""
    file = make_file(org.with_unbound_key(org.admin), visibility="monetized", price_usd=12)["id"]
    buyer, seller = org.new_outsider(), org.with_unbound_key(org.admin)
    buy(org.server, buyer, file)
    for fields in ({"price_usd": 99}, {"license_text": "Not yours"}, {"visibility": "private"}, {"price_usd": 0}):
        seller.call("PUT", f"/files/{file}", json={"file": fields})
        assert buyer.call("GET", f"/assets/{file}/comments") == []


def test_only_administrators_see_earnings(org: Organization) -> None:
    """Counters show the earnings after refunds, in cents and satoshis, to administrators, and 0 to others."""
    server, admin = org.server, org.admin
    asset, other = sell(org, price_sats=700), sell(org, price_usd=0, price_sats=70)
    helper, reader = org.with_unbound_key(org.new_outsider()), org.with_unbound_key(org.new_outsider())
    share(org, asset, helper, "admin")
    share(org, asset, reader, "write")
    first = buy(server, org.new_outsider(), asset)
    refunded = buy(server, org.new_outsider(), asset)
    (row,) = server.query("select now() as at")
    buy(server, org.new_outsider(), asset)
    buy(server, org.new_outsider(), asset, "btc")
    buy(server, org.new_outsider(), other, "btc")
    assert request_refund(admin, first, amount=120).status_code == 200
    assert request_refund(admin, refunded).status_code == 200
    earned, none = {"earnings_usd": 2280, "earnings_btc": 700}, {"earnings_usd": 0, "earnings_btc": 0}

    def earnings(counters: Any) -> dict[str, int]:
        return {name: counters[name] for name in earned}

    for who, expected in ((admin, earned), (helper, earned), (reader, none), (org.new_outsider(), none)):
        assert earnings(who.call("GET", f"/assets/{asset}/counts")) == expected
        (impact,) = who.call("GET", "/assets/impact", params={"ids": asset})["assets"]
        assert earnings(impact) == expected
        (recent,) = who.call("GET", "/assets/impact", params={"ids": asset, "since": row["at"].isoformat()})["assets"]
        assert earnings(recent) == (none if expected == none else earned | {"earnings_usd": 1200})
        whole = who.call("GET", f"/users/{admin.member.username}/impact")["aggregate"]
        assert earnings(whole) == (earned | {"earnings_btc": 770} if who is admin else expected)
