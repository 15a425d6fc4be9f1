"""Selling, as far as it is the catalog's: prices and terms, who bought what, what comes of that."""

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
    """An asset of the administrator's that is for sale, in a team that may sell."""
    team = org.admin.create_team(f"shop-{uuid4().hex}", visibility="public")["id"]
    sold = {"visibility": "monetized", "price_usd": 12, "team_id": team} | fields
    return make_asset(org.server, org.admin, asset_type, **sold)


def share(org: Organization, asset: str, person: User, role: str) -> None:
    """Give somebody a role on an asset of the administrator's."""
    given = {"permission": {"user": {"user_id": person.id}, "role": role}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)


def held(org: Organization, asset: str) -> dict[str, tuple[str, bool]]:
    """By person: the role on an asset of the administrator's that is shown, and whether they bought it."""
    page = org.admin.call("GET", f"/assets/{asset}/permissions")
    return {each["user_id"]: (each["role"], each["bought"]) for each in page}


def found(who: User, scope: str) -> list[str]:
    """What somebody finds in a scope."""
    return [hit["id"] for hit in who.call("GET", "/search/assets", params={"scope": scope})]


def unlock(who: User, asset: str) -> str:
    """What somebody is told who asks for what is in an asset."""
    answer = who.client.get(f"/assets/{asset}/comments")
    return str(assert_exchange_error(answer, 403, "locked")["message"])


def test_what_was_bought_is_found_as_such(org: Organization) -> None:
    """`purchased` finds what one bought, by any key, also once it is private; `shared` what one was given, no more."""
    asset, given = sell(org), sell(org)
    bound = org.new_outsider()
    free = org.with_unbound_key(bound)
    buy(org.server, bound, asset)
    share(org, given, bound, "read")
    for visibility in ("monetized", "private"):
        server_side = "update asset set visibility = $1 where id = any ($2::uuid[])"
        org.server.query(server_side, visibility, [asset, given])
        for who in (bound, free):
            assert found(who, "purchased") == [asset]
        assert found(free, "shared") == [given]
        assert asset not in found(bound, "shared")
    share(org, asset, bound, "write")
    assert found(free, "purchased") == [asset]
    assert set(found(free, "shared")) == {asset, given}


def test_roles_come_and_go_beside_what_was_bought(org: Organization) -> None:
    """Taking a role away leaves what was bought; refunding leaves the role; each is told and explained apart."""
    asset, buyer, other = sell(org), org.with_unbound_key(org.new_outsider()), org.new_outsider()

    def reasons() -> list[str]:
        return [each["code"] for each in buyer.call("GET", f"/assets/{asset}/explain")["reasons"]]

    def expect(role: str | None, bought: bool, *why: str) -> None:
        shown = {} if role is None else {buyer.id: (role, bought)}
        assert held(org, asset) == {org.admin.id: ("admin", False)} | shown
        assert reasons() == ["for_sale", *why]
        may = role if role == "write" else "read" if role or bought else None
        assert buyer.call("GET", f"/assets/{asset}")["role"] == may

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


def test_bought_parts_are_explained(org: Organization) -> None:
    """What one may read for one bought what it stands in says so, also to a key bound elsewhere."""
    asset, buyer = sell(org, "post"), org.new_outsider()
    child = make_asset(org.server, org.admin, parent_id=asset)
    buy(org.server, buyer, asset)
    explained = buyer.call("GET", f"/assets/{child}/explain")
    assert (explained["allowed"], explained["role"]) == (True, "read")
    assert [(each["code"], each["gives"]) for each in explained["reasons"]] == [
        ("for_sale", "listing"),
        ("bought", "read"),
    ]


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_was_bought_is_not_deleted(org: Organization, dry_run: str) -> None:
    """What people bought stays, whatever it stands in; who wants it gone is told how many they are and what to do."""
    seller, server = org.with_unbound_key(org.admin), org.server
    sold = {"visibility": "monetized", "price_usd": 3}
    folder = {"post": {"visibility": "private"}, "content": "a"}
    made = {
        "files": make_file(seller, **sold)["id"],
        "datasets": make_dataset(seller, **sold)["id"],
        "posts": seller.call("POST", "/posts/create", json={"post": sold, "content": "a"})["id"],
    }
    for kind, asset in made.items():
        licences = [buy(server, org.new_outsider(), asset) for _ in range(2)]
        for path in (f"/{kind}/{asset}", f"/assets/{asset}"):
            message = refused(seller, path, dry_run=dry_run)
            assert message.startswith("2 people bought it"), message
            assert "refund each of their licences in full first, or make what they bought private" in message
        for licence in licences:
            assert request_refund(seller, licence).status_code == 200
        seller.call("DELETE", f"/{kind}/{asset}", params={"dry_run": dry_run})
    parent = seller.call("POST", "/posts/create", json=folder)["id"]
    buy(server, org.new_outsider(), make_file(seller, **sold, parent_id=parent)["id"])
    message = refused(seller, f"/posts/{parent}", dry_run=dry_run, delete_children="true")
    assert message.startswith("1 person bought part of it"), message
    seller.call("DELETE", f"/posts/{parent}", params={"dry_run": dry_run})  # without what is in it


def refused(who: User, path: str, **query: str) -> str:
    """What somebody is told who may not delete something as things stand."""
    return str(assert_exchange_error(who.client.delete(path, params=query), 409, "conflict")["message"])


def test_what_is_bought_at_that_moment_is_not_deleted(org: Organization) -> None:
    """A purchase that is under way while it is deleted with what it stands in wins, and nothing is gone."""
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
    """Every type takes a licence's text and gives it back as it was sent, alone and not in lists."""
    admin = org.with_unbound_key(org.admin)
    said = {"license_id": "Look", "license_text": TEXT, "visibility": "private"}
    post = admin.call("POST", "/posts/create", json={"post": {"name": "p"} | said, "content": "a"})
    comment = {"comment": {"parent_id": post["id"], "license_text": TEXT}, "content": "a"}
    made = {
        "post": post,
        "file": make_file(admin, **said),
        "dataset": make_dataset(admin, **said),
        "comment": admin.call("POST", "/comments/create", json=comment),
    }
    for kind, asset in made.items():
        path = f"/{kind}s/{asset['id']}"
        for shown in (asset, admin.call("GET", path), admin.call("GET", f"/assets/{asset['id']}")):
            assert shown["license_text"] == TEXT
        for text, kept in (("You may.", "You may."), (None, None)):
            assert admin.call("PUT", path, json={kind: {"license_text": text}})["license_text"] == kept
        assert admin.call("PUT", path, json={kind: {}})["license_text"] is None
        for wrong in ("x" * 20_001, "a\0b", 7):
            answer = admin.client.put(path, json={kind: {"license_text": wrong}})
            assert_exchange_error(answer, 400, "invalid_request")
    for page in ("/search/assets", f"/assets/{post['id']}/comments"):
        listed = admin.call("GET", page, params={"limit": 9})
        assert listed
        assert not any("license_text" in each for each in listed)


def test_writers_do_not_set_the_terms(org: Organization) -> None:
    """What buyers agree to is its administrators' to say, as the price is."""
    asset = make_file(org.admin, visibility="private")["id"]
    writer = org.new_user()
    share(org, asset, writer, "write")
    refused = writer.client.put(f"/files/{asset}", json={"file": {"license_text": "all yours"}})
    assert_exchange_error(refused, 403, "forbidden")


def test_prices(org: Organization) -> None:
    """Each currency has its own price: one is changed without the other, 0 ends it, less is refused."""
    admin, stranger = org.with_unbound_key(org.admin), org.new_outsider()
    file = make_file(admin, visibility="monetized", price_usd=12)
    path = f"/files/{file['id']}"
    buy = "(POST /elements/common/purchase-asset)."
    assert file["monetization"] == "pay-to-unlock"
    assert unlock(stranger, file["id"]) == f"Unlock this file to see what is in it: it costs $12.00 {buy}"
    for said, usd, sats, words in (
        ({"price_sats": 2000}, 12, 2000, "$12.00 or 2,000 sats"),
        ({"price_usd": 1234.5}, 1234.5, 2000, "$1,234.50 or 2,000 sats"),
        ({"price_usd": 0}, None, 2000, "2,000 sats"),
        ({"price": 0.07}, 0.07, 2000, "$0.07 or 2,000 sats"),
        ({"price": 7, "price_currency": "btc"}, 0.07, 7, "$0.07 or 7 sats"),
        ({"price_sats": 0}, 0.07, None, "$0.07"),
        ({"name": "Anew"}, 0.07, None, "$0.07"),
    ):
        changed = admin.call("PUT", path, json={"file": said})
        assert (changed["price_usd"], changed["price_sats"]) == (usd, sats)
        assert unlock(stranger, file["id"]) == f"Unlock this file to see what is in it: it costs {words} {buy}"
    for wrong in ({"price_usd": -1}, {"price_sats": -1}, {"price": -1}, {"price_usd": 0.001}, {"price_sats": 1.5}):
        assert admin.client.put(path, json={"file": wrong}).status_code == 400
    assert admin.call("PUT", path, json={"file": {"price_usd": 0}})["visibility"] == "monetized"
    assert unlock(stranger, file["id"]).endswith(": its owner does not sell it now.")
    admin.call("PUT", path, json={"file": {"price_usd": 3, "monetization": "pay-per-use"}})
    assert unlock(stranger, file["id"]).endswith(": its owner does not sell it now.")


def test_what_becomes_monetized_is_to_be_unlocked(org: Organization) -> None:
    """Whoever says only `monetized` means `pay-to-unlock`, at first or later; what is said otherwise counts."""
    admin = org.with_unbound_key(org.admin)
    file = make_file(admin, visibility="private", price_usd=5)
    assert file["monetization"] == "none"

    def change(**fields: Any) -> str:
        return str(admin.call("PUT", f"/files/{file['id']}", json={"file": fields})["monetization"])

    assert change(name="Anew") == "none"
    assert change(visibility="monetized") == "pay-to-unlock"
    assert change(monetization="none") == "none"
    assert change(visibility="monetized", name="More") == "none"  # it was before
    assert change(visibility="private", monetization="pay-per-use") == "pay-per-use"
    assert change(visibility="monetized") == "pay-per-use"
    said = make_file(admin, visibility="monetized", monetization="pay-per-use")
    assert said["monetization"] == "pay-per-use"


def test_another_price_changes_nothing_for_buyers(org: Organization) -> None:
    """Who bought it reads it whatever it costs afterwards, and whoever it is for."""
    file = make_file(org.with_unbound_key(org.admin), visibility="monetized", price_usd=12)["id"]
    buyer, seller = org.new_outsider(), org.with_unbound_key(org.admin)
    buy(org.server, buyer, file)
    for said in ({"price_usd": 99}, {"license_text": "Not yours"}, {"visibility": "private"}, {"price_usd": 0}):
        seller.call("PUT", f"/files/{file}", json={"file": said})
        assert buyer.call("GET", f"/assets/{file}/comments") == []


def test_earnings_are_shown_to_those_who_administer_it(org: Organization) -> None:
    """Counts and impact tell the cents and satoshis that were earned and kept to administrators, and 0 to others."""
    server, admin = org.server, org.admin
    asset, other = sell(org, price_sats=700), sell(org, price_usd=0, price_sats=70)
    helper, reader = org.with_unbound_key(org.new_outsider()), org.with_unbound_key(org.new_outsider())
    share(org, asset, helper, "admin")
    share(org, asset, reader, "write")
    first = buy(server, org.new_outsider(), asset)
    gone = buy(server, org.new_outsider(), asset)
    (row,) = server.query("select now() as at")
    buy(server, org.new_outsider(), asset)
    buy(server, org.new_outsider(), asset, "btc")
    buy(server, org.new_outsider(), other, "btc")
    assert request_refund(admin, first, amount=120).status_code == 200
    assert request_refund(admin, gone).status_code == 200
    earned, none = {"earnings_usd": 2280, "earnings_btc": 700}, {"earnings_usd": 0, "earnings_btc": 0}

    def seen(answer: Any) -> dict[str, int]:
        return {name: answer[name] for name in earned}

    for who, expected in ((admin, earned), (helper, earned), (reader, none), (org.new_outsider(), none)):
        assert seen(who.call("GET", f"/assets/{asset}/counts")) == expected
        (impact,) = who.call("GET", "/assets/impact", params={"ids": asset})["assets"]
        assert seen(impact) == expected
        (recent,) = who.call("GET", "/assets/impact", params={"ids": asset, "since": row["at"].isoformat()})["assets"]
        assert seen(recent) == (none if expected == none else earned | {"earnings_usd": 1200})
        whole = who.call("GET", f"/users/{admin.member.username}/impact")["aggregate"]
        assert seen(whole) == (earned | {"earnings_btc": 770} if who is admin else expected)
