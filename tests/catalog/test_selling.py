"""Selling, as far as it is the catalog's: prices and terms, who bought what, what comes of that."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from assets import make_asset
from buying import let_read
from circle import Circle, Someone
from hallmarket.server.database.pool import Connection
from hallmarket.server.wallet.transfer import find_accounts, record_transfers
from hallmarket.server.wallet.types import FUNDING, Currency, Posting, Transfer
from making_datasets import make_dataset
from making_files import make_file
from wire import assert_exchange_error

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
TEXT = "You may look.\r\n\r\nYou may not touch. ☞ ".ljust(20_000, "x")


def sell(circle: Circle, asset_type: str = "file", **fields: Any) -> str:
    """An asset of the administrator's that is for sale, in a team that may sell."""
    team = circle.boss.create_team(f"shop-{uuid4().hex}", visibility="public")["id"]
    sold = {"visibility": "monetized", "price_usd": 12, "team_id": team} | fields
    return make_asset(circle.server, circle.boss, asset_type, **sold)


def share(circle: Circle, asset: str, person: Someone, role: str) -> None:
    """Give somebody a role on an asset of the administrator's."""
    given = {"permission": {"user": {"user_id": person.id}, "role": role}}
    circle.boss.ask("PUT", f"/assets/{asset}/share", json=given)


def held(circle: Circle, asset: str) -> dict[str, tuple[str, bool]]:
    """By person: the role on an asset of the administrator's that is shown, and whether they bought it."""
    page = circle.boss.ask("GET", f"/assets/{asset}/permissions")
    return {each["user_id"]: (each["role"], each["bought"]) for each in page}


def found(who: Someone, scope: str) -> list[str]:
    """What somebody finds in a scope."""
    return [hit["id"] for hit in who.ask("GET", "/search/assets", params={"scope": scope})]


def unlock(who: Someone, asset: str) -> str:
    """What somebody is told who asks for what is in an asset."""
    answer = who.client.get(f"/assets/{asset}/comments")
    return str(assert_exchange_error(answer, 403, "locked")["message"])


def test_what_was_bought_is_found_as_such(circle: Circle) -> None:
    """`purchased` finds what one bought, by any key, also once it is private; `shared` what one was given, no more."""
    asset, given = sell(circle), sell(circle)
    bound = circle.stranger()
    free = circle.free(bound)
    let_read(circle, asset, bound)
    share(circle, given, bound, "read")
    for visibility in ("monetized", "private"):
        server_side = "update asset set visibility = $1 where id = any ($2::uuid[])"
        circle.server.query(server_side, visibility, [asset, given])
        for who in (bound, free):
            assert found(who, "purchased") == [asset]
        assert found(free, "shared") == [given]
        assert asset not in found(bound, "shared")
    share(circle, asset, bound, "write")
    assert found(free, "purchased") == [asset]
    assert set(found(free, "shared")) == {asset, given}


def test_roles_come_and_go_beside_what_was_bought(circle: Circle) -> None:
    """Taking a role away leaves what was bought; refunding leaves the role; each is told and explained apart."""
    asset, buyer, other = sell(circle), circle.free(circle.stranger()), circle.stranger()

    def reasons() -> list[str]:
        return [each["code"] for each in buyer.ask("GET", f"/assets/{asset}/explain")["reasons"]]

    def expect(role: str | None, bought: bool, *why: str) -> None:
        shown = {} if role is None else {buyer.id: (role, bought)}
        assert held(circle, asset) == {circle.boss.id: ("admin", False)} | shown
        assert reasons() == ["for_sale", *why]
        may = role if role == "write" else "read" if role or bought else None
        assert buyer.ask("GET", f"/assets/{asset}")["role"] == may

    expect(None, False, "no_role")
    share(circle, asset, buyer, "write")
    expect("write", False, "granted")
    let_read(circle, asset, buyer)
    expect("write", True, "bought", "granted")
    share(circle, asset, buyer, "none")
    expect("read", True, "bought")
    share(circle, asset, buyer, "none")
    share(circle, asset, buyer, "write")
    expect("write", True, "bought", "granted")
    let_read(circle, asset, buyer, ends=True)
    expect("write", False, "granted")
    share(circle, asset, buyer, "none")
    share(circle, asset, other, "none")
    expect(None, False, "no_role")


def test_bought_parts_are_explained(circle: Circle) -> None:
    """What one may read for one bought what it stands in says so, also to a key bound elsewhere."""
    asset, buyer = sell(circle, "post"), circle.stranger()
    child = make_asset(circle.server, circle.boss, parent_id=asset)
    let_read(circle, asset, buyer)
    explained = buyer.ask("GET", f"/assets/{child}/explain")
    assert (explained["allowed"], explained["role"]) == (True, "read")
    assert [(each["code"], each["gives"]) for each in explained["reasons"]] == [
        ("for_sale", "listing"),
        ("bought", "read"),
    ]


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_was_bought_is_not_deleted(circle: Circle, dry_run: str) -> None:
    """What people bought stays, whatever it stands in; who wants it gone is told how many they are and what to do."""
    boss, server = circle.boss, circle.server
    buyers = [circle.stranger() for _ in range(2)]
    makers = {
        "files": make_file(circle.free(boss), visibility="monetized", price_usd=3)["id"],
        "datasets": make_dataset(circle.free(boss), visibility="monetized", price_usd=3)["id"],
        "posts": boss.ask("POST", "/posts/create", json={"post": {"visibility": "private"}, "content": "a"})["id"],
    }
    for kind, asset in makers.items():
        let_read(circle, asset, *buyers)
        for path in (f"/{kind}/{asset}", f"/assets/{asset}"):
            refused = circle.free(boss).client.delete(path, params={"dry_run": dry_run})
            message = assert_exchange_error(refused, 409, "conflict")["message"]
            assert message.startswith("2 people bought it"), message
            assert "give all their money back" in message
            assert "make it private" in message
        child = make_asset(server, boss, parent_id=(parent := make_asset(server, boss, "post")))
        let_read(circle, child, buyers[0])
        with_children = {"delete_children": "true", "dry_run": dry_run}
        refused = boss.client.delete(f"/assets/{parent}", params=with_children)
        assert "1 person bought of what is in it" in assert_exchange_error(refused, 409, "conflict")["message"]
        boss.ask("DELETE", f"/assets/{parent}", params={"dry_run": dry_run})  # without the child
        let_read(circle, asset, *buyers, ends=True)
        circle.free(boss).ask("DELETE", f"/{kind}/{asset}", params={"dry_run": dry_run})


def test_what_is_bought_at_that_moment_is_not_deleted(circle: Circle) -> None:
    """A purchase that is under way while it is deleted with what it stands in wins, and nothing is gone."""
    buyer = circle.stranger()
    parent = make_asset(circle.server, circle.boss, "post")
    child = make_asset(circle.server, circle.boss, parent_id=parent)
    bought = "insert into permission (id, asset_id, person_id, bought) values (gen_random_uuid(), $1, $2, true)"

    async def race() -> int:
        writer, watcher = [await asyncpg.connect(circle.server.postgres_url) for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            async with writer.transaction():
                await writer.execute(bought, UUID(child), UUID(buyer.id))
                path = f"/assets/{parent}?delete_children=true"
                asked = pool.submit(circle.boss.client.request, "DELETE", path)
                while not asked.done() and not await watcher.fetchval(WAITING):  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.005)
            await writer.close()
            await watcher.close()
            answer = await asyncio.wrap_future(asked)
            assert "Somebody bought of it" in answer.text
            return answer.status_code

    assert asyncio.run(race()) == 409
    assert circle.boss.ask("GET", f"/assets/{child}")["parent_id"] == parent


def test_licence_texts(circle: Circle) -> None:
    """Every type takes a licence's text and gives it back as it was sent, alone and not in lists."""
    boss = circle.free(circle.boss)
    said = {"license_id": "Look", "license_text": TEXT, "visibility": "private"}
    post = boss.ask("POST", "/posts/create", json={"post": {"name": "p"} | said, "content": "a"})
    comment = {"comment": {"parent_id": post["id"], "license_text": TEXT}, "content": "a"}
    made = {
        "post": post,
        "file": make_file(boss, **said),
        "dataset": make_dataset(boss, **said),
        "comment": boss.ask("POST", "/comments/create", json=comment),
    }
    for kind, asset in made.items():
        path = f"/{kind}s/{asset['id']}"
        for shown in (asset, boss.ask("GET", path), boss.ask("GET", f"/assets/{asset['id']}")):
            assert shown["license_text"] == TEXT
        for text, kept in (("You may.", "You may."), (None, None)):
            assert boss.ask("PUT", path, json={kind: {"license_text": text}})["license_text"] == kept
        assert boss.ask("PUT", path, json={kind: {}})["license_text"] is None
        for wrong in ("x" * 20_001, "a\0b", 7):
            answer = boss.client.put(path, json={kind: {"license_text": wrong}})
            assert_exchange_error(answer, 400, "invalid_request")
    for page in ("/search/assets", f"/assets/{post['id']}/comments"):
        listed = boss.ask("GET", page, params={"limit": 9})
        assert listed
        assert not any("license_text" in each for each in listed)


def test_writers_do_not_set_the_terms(circle: Circle) -> None:
    """What buyers agree to is its administrators' to say, as the price is."""
    asset = make_file(circle.boss, visibility="private")["id"]
    writer = circle.person()
    share(circle, asset, writer, "write")
    refused = writer.client.put(f"/files/{asset}", json={"file": {"license_text": "all yours"}})
    assert_exchange_error(refused, 403, "forbidden")


def test_prices(circle: Circle) -> None:
    """Each currency has its own price: one is changed without the other, 0 ends it, less is refused."""
    boss, stranger = circle.free(circle.boss), circle.stranger()
    file = make_file(boss, visibility="monetized", price_usd=12)
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
        changed = boss.ask("PUT", path, json={"file": said})
        assert (changed["price_usd"], changed["price_sats"]) == (usd, sats)
        assert unlock(stranger, file["id"]) == f"Unlock this file to see what is in it: it costs {words} {buy}"
    for wrong in ({"price_usd": -1}, {"price_sats": -1}, {"price": -1}, {"price_usd": 0.001}, {"price_sats": 1.5}):
        assert boss.client.put(path, json={"file": wrong}).status_code == 400
    assert boss.ask("PUT", path, json={"file": {"price_usd": 0}})["visibility"] == "monetized"
    assert unlock(stranger, file["id"]).endswith(": at this time its owner sells it to nobody.")
    boss.ask("PUT", path, json={"file": {"price_usd": 3, "monetization": "pay-per-use"}})
    assert unlock(stranger, file["id"]).endswith(": at this time its owner sells it to nobody.")


def test_what_becomes_monetized_is_to_be_unlocked(circle: Circle) -> None:
    """Whoever says only `monetized` means `pay-to-unlock`, at first or later; what is said otherwise counts."""
    boss = circle.free(circle.boss)
    file = make_file(boss, visibility="private", price_usd=5)
    assert file["monetization"] == "none"

    def change(**fields: Any) -> str:
        return str(boss.ask("PUT", f"/files/{file['id']}", json={"file": fields})["monetization"])

    assert change(name="Anew") == "none"
    assert change(visibility="monetized") == "pay-to-unlock"
    assert change(monetization="none") == "none"
    assert change(visibility="monetized", name="More") == "none"  # it was before
    assert change(visibility="private", monetization="pay-per-use") == "pay-per-use"
    assert change(visibility="monetized") == "pay-per-use"
    said = make_file(boss, visibility="monetized", monetization="pay-per-use")
    assert said["monetization"] == "pay-per-use"


def test_another_price_changes_nothing_for_buyers(circle: Circle) -> None:
    """Who bought it reads it whatever it costs afterwards, and whoever it is for."""
    file = make_file(circle.free(circle.boss), visibility="monetized", price_usd=12)["id"]
    buyer, seller = circle.stranger(), circle.free(circle.boss)
    let_read(circle, file, buyer)
    for said in ({"price_usd": 99}, {"license_text": "Not yours"}, {"visibility": "private"}, {"price_usd": 0}):
        seller.ask("PUT", f"/files/{file}", json={"file": said})
        assert buyer.ask("GET", f"/assets/{file}/comments") == []


def earn(circle: Circle, asset: str, currency: Currency, price: int, fee: int, hours_ago: int = 0) -> None:
    """Write down that somebody bought an asset of the administrator's at a price, of which a fee is the platform's."""
    buyer, seller = UUID(circle.stranger().id), UUID(circle.boss.id)

    async def write(connection: Connection) -> None:
        accounts = await find_accounts(connection, [seller])
        postings = (Posting(FUNDING[currency], -price), Posting(accounts[seller, currency], price))
        moved = Transfer(kind="deposit", currency=currency, postings=postings, reference=str(uuid4()))
        await record_transfers(connection, [moved])
        await connection.execute(
            "insert into licence (id, buyer_id, seller_id, asset_id, asset_type, currency, price_minor, fee_minor,"
            " earned_minor, transfer_id, salt, created_on) values (gen_random_uuid(), $1, $2, $3, 'file', $4,"
            " $5::bigint, $6::bigint, $5::bigint - $6::bigint, $7, decode(repeat('00', 32), 'hex'),"
            " now() - make_interval(hours => $8::int))",
            *(buyer, seller, UUID(asset), currency, price, fee, moved.id, hours_ago),
        )

    async def run() -> None:
        connection = await asyncpg.connect(circle.server.postgres_url)
        try:
            async with connection.transaction():
                await write(connection)
        finally:
            await connection.close()

    asyncio.run(run())


def test_earnings_are_shown_to_those_who_administer_it(circle: Circle) -> None:
    """Counts and impact tell cents and satoshis that were earned, without fees, to administrators; 0 to others."""
    asset, other = sell(circle), sell(circle)
    helper, reader = circle.free(circle.stranger()), circle.free(circle.stranger())
    share(circle, asset, helper, "admin")
    share(circle, asset, reader, "write")
    earn(circle, asset, "usd", 1200, 120, hours_ago=48)
    earn(circle, asset, "usd", 1000, 0)
    earn(circle, asset, "btc", 700, 7)
    earn(circle, other, "btc", 70, 0)
    counted = {"earnings_usd": 2080, "earnings_btc": 693}
    none = dict.fromkeys(counted, 0)

    def seen(answer: Any) -> dict[str, int]:
        return {name: answer[name] for name in counted}

    yesterday = circle.server.query("select (now() - interval '24 hours')::text as at")[0]["at"]
    for who, expected in ((circle.boss, counted), (helper, counted), (reader, none), (circle.stranger(), none)):
        assert seen(who.ask("GET", f"/assets/{asset}/counts")) == expected
        (impact,) = who.ask("GET", "/assets/impact", params={"ids": asset})["assets"]
        assert seen(impact) == expected
        (recent,) = who.ask("GET", "/assets/impact", params={"ids": asset, "since": yesterday.replace(" ", "T")})[
            "assets"
        ]
        assert seen(recent) == (none if expected == none else counted | {"earnings_usd": 1000})
        whole = who.ask("GET", f"/users/{circle.boss.member.username}/impact")["aggregate"]
        extra = {"earnings_btc": 763} if who is circle.boss else {}
        assert seen(whole) == expected | extra
