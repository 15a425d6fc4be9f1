"""Purchases that meet: each other, and whatever else happens to what is bought. Nobody pays twice, or too much."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from _support.concurrency import COUNT_WAITING, Call, run_overlapping
from _support.organizations import Organization, User, new_organization
from _support.servers import Server
from _support.wallets import assert_balanced, balances, fund, transfers
from posts.test_posts import write

PRICE = 500
OTHER = 900
COMMON = "/elements/common/purchase-asset"
USD, BTC = "/stripe/wallet/purchase-asset", "/wallet/purchase-asset"


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization of the shared server."""
    with new_organization(server) as made:
        yield made


@pytest.fixture
def seller(org: Organization) -> User:
    """Somebody who sells what is theirs alone."""
    return org.with_unbound_key(org.new_user())


@pytest.fixture
def buyer(org: Organization) -> User:
    """Somebody with a key for everything."""
    return org.with_unbound_key(org.new_user())


def offer(seller: User) -> str:
    """A post for sale in both currencies."""
    said = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": PRICE / 100, "price_sats": PRICE}
    return str(write(seller, **said)["id"])


def wanted(post: str) -> dict[str, str]:
    """The body of a request that buys it."""
    return {"assetType": "post", "assetId": post}


def all_at_once(requests: Sequence[tuple[User, str, Any]]) -> list[int]:
    """The statuses of POSTs with a key each, sent by as many threads at the same moment."""
    ready = threading.Barrier(len(requests))

    def send(request: tuple[User, str, Any]) -> int:
        who, path, body = request
        ready.wait()
        return who.client.post(path, json=body, headers={"idempotency-key": str(uuid4())}).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def held_licences(server: Server, buyer: User, post: str) -> list[tuple[str, int]]:
    """The active licences of a buyer to a post: currency and price; the right to read must be there with them."""
    rows = server.query(
        "select currency, price_minor from licence where buyer_id = $1 and asset_id = $2 and ended_on is null",
        UUID(buyer.id),
        UUID(post),
    )
    rights = server.query(
        "select from permission where person_id = $1 and asset_id = $2 and bought", UUID(buyer.id), UUID(post)
    )
    assert len(rights) == len(rows)
    return [(row["currency"], row["price_minor"]) for row in rows]


def test_ten_people_with_just_enough(server: Server, org: Organization, seller: User) -> None:
    """Ten people who buy from one seller at once with all they have get it, and have nothing left."""
    post, buyers = offer(seller), [org.with_unbound_key(org.new_user()) for _ in range(10)]
    fund(server, *buyers, usd=PRICE)
    assert all_at_once([(each, USD, wanted(post)) for each in buyers]) == [200] * 10
    left = balances(server, seller.id, *(each.id for each in buyers))
    assert left.pop((seller.id, "usd")) == 10 * PRICE
    assert set(left.values()) == {0}
    assert_balanced(server)


def test_the_last_money_is_spent_once(server: Server, seller: User, buyer: User) -> None:
    """Who can pay three of ten things that they buy at once gets three, and is told so of the others."""
    posts = [offer(seller) for _ in range(10)]
    fund(server, buyer, usd=3 * PRICE + 1)
    told = all_at_once([(buyer, (COMMON, USD)[number % 2], wanted(post)) for number, post in enumerate(posts)])
    assert Counter(told) == {200: 3, 402: 7}
    for post, status in zip(posts, told, strict=True):
        assert held_licences(server, buyer, post) == ([("usd", PRICE)] if status == 200 else [])
    assert balances(server, buyer.id, seller.id) == {
        (buyer.id, "usd"): 1,
        (buyer.id, "btc"): 0,
        (seller.id, "usd"): 3 * PRICE,
        (seller.id, "btc"): 0,
    }


def test_gifts_of_the_last_money(server: Server, org: Organization, buyer: User) -> None:
    """Ten gifts of all one has, to each other and at once: money goes round, and there is as much as before."""
    friends = [buyer, org.with_unbound_key(org.new_user())]
    fund(server, *friends, btc=PRICE)
    gifts = [(friends[n % 2], "/wallet/send-sats", {"recipientId": friends[1 - n % 2].id, "amount": PRICE})
             for n in range(10)]  # fmt: skip
    assert set(all_at_once(gifts)) <= {200, 402}
    held = balances(server, *(each.id for each in friends))
    assert sum(held.values()) == 2 * PRICE


@pytest.mark.parametrize(
    ("paths", "currencies"), [([USD], {"usd"}), ([BTC], {"btc"}), ([USD, BTC, COMMON], {"usd", "btc"})]
)
def test_one_buyer_pays_once(server: Server, seller: User, buyer: User, paths: list[str], currencies: set[str]) -> None:
    """Ten requests of one buyer for one asset, with ten keys, in either currency and in both: one charge, nine 409."""
    post = offer(seller)
    fund(server, buyer, usd=20 * PRICE, btc=20 * PRICE)
    told = all_at_once([(buyer, paths[number % len(paths)], wanted(post)) for number in range(10)])
    assert Counter(told) == {200: 1, 409: 9}
    ((currency, price),) = held_licences(server, buyer, post)
    assert currency in currencies
    assert price == PRICE
    assert sum(balances(server, buyer.id).values()) == 39 * PRICE
    assert [each["kind"] for each in transfers(server, seller.id).values()] == ["purchase"]


def meet(server: Server, post: str, calls: Sequence[Call]) -> list[int]:
    """The statuses of requests that come upon one another at the asset itself, in this order."""
    return run_overlapping(server, calls, f"select from asset where id = '{UUID(post)}' for update")


def buys(buyer: User, post: str) -> Call:
    """A purchase in dollars."""
    return buyer, "POST", USD, wanted(post)


@pytest.mark.parametrize("first", ["purchase", "change"])
def test_the_price_changes_meanwhile(server: Server, seller: User, buyer: User, first: str) -> None:
    """Whoever comes first: the buyer pays the price as it was or as it is, and the licence says the same."""
    post = offer(seller)
    fund(server, buyer, usd=2000)
    calls = [buys(buyer, post), (seller, "PUT", f"/posts/{post}", {"post": {"price_usd": OTHER / 100}})]
    assert meet(server, post, calls if first == "purchase" else calls[::-1]) == [200, 200]
    paid = PRICE if first == "purchase" else OTHER
    assert held_licences(server, buyer, post) == [("usd", paid)]
    assert balances(server, buyer.id)[buyer.id, "usd"] == 2000 - paid
    assert balances(server, seller.id)[seller.id, "usd"] == paid


@pytest.mark.parametrize("first", ["purchase", "change"])
def test_it_turns_private_meanwhile(server: Server, seller: User, buyer: User, first: str) -> None:
    """Bought before, it stays readable; too late, it is not there, and nothing is paid."""
    post = offer(seller)
    fund(server, buyer, usd=PRICE)
    calls = [buys(buyer, post), (seller, "PUT", f"/posts/{post}", {"post": {"visibility": "private"}})]
    if first == "purchase":
        assert meet(server, post, calls) == [200, 200]
        assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
        assert held_licences(server, buyer, post) == [("usd", PRICE)]
    else:
        assert meet(server, post, calls[::-1]) == [200, 404]
        assert held_licences(server, buyer, post) == []
        assert balances(server, buyer.id)[buyer.id, "usd"] == PRICE


@pytest.mark.parametrize("first", ["purchase", "deletion"])
def test_it_is_deleted_meanwhile(server: Server, seller: User, buyer: User, first: str) -> None:
    """Bought before, it cannot be deleted; too late, it is gone, and nothing is paid."""
    post = offer(seller)
    fund(server, buyer, usd=PRICE)
    calls: list[Call] = [buys(buyer, post), (seller, "DELETE", f"/posts/{post}", None)]
    if first == "purchase":
        assert meet(server, post, calls) == [200, 409]
        assert held_licences(server, buyer, post) == [("usd", PRICE)]
        assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
    else:
        assert meet(server, post, calls[::-1]) == [200, 404]
        assert balances(server, buyer.id)[buyer.id, "usd"] == PRICE
        assert transfers(server, seller.id) == {}


def test_it_is_paid_back_meanwhile(server: Server, seller: User, buyer: User) -> None:
    """Bought again while it is paid back: it is bought afterwards if that was said, and not if it was not."""
    post = offer(seller)
    fund(server, buyer, usd=20 * PRICE)
    buyer.call("POST", USD, json=wanted(post))
    charges = 1
    for _ in range(6):
        (licence,) = server.query("select id from licence where asset_id = $1 and ended_on is null", UUID(post))
        refund = f"/licences/{licence['id']}/refund"
        again, *refunds = all_at_once([(buyer, USD, wanted(post)), *((seller, refund, {}) for _ in range(3))])
        assert Counter(refunds) == {200: 1, 409: 2}
        assert again in (200, 409)
        if again == 409:
            assert held_licences(server, buyer, post) == []
            buyer.call("POST", USD, json=wanted(post))
        charges += 1
        assert held_licences(server, buyer, post) == [("usd", PRICE)]
        assert balances(server, buyer.id)[buyer.id, "usd"] == 19 * PRICE
    kinds = Counter(each["kind"] for each in transfers(server, seller.id).values())
    assert kinds == {"purchase": charges, "refund": charges - 1}
    assert_balanced(server)


def test_parts_paid_back_at_once(server: Server, seller: User, buyer: User) -> None:
    """Of ten refunds at once of a third each, three are done: never more comes back than was paid."""
    post = offer(seller)
    fund(server, buyer, usd=PRICE)
    fund(server, seller, usd=10 * PRICE)
    buyer.call("POST", USD, json=wanted(post))
    (licence,) = server.query("select id from licence where asset_id = $1", UUID(post))
    third = {"amount": PRICE // 3}
    told = all_at_once([(seller, f"/licences/{licence['id']}/refund", third) for _ in range(10)])
    assert Counter(told) == {200: 3, 409: 7}
    assert balances(server, buyer.id)[buyer.id, "usd"] == 3 * (PRICE // 3)
    assert held_licences(server, buyer, post) == [("usd", PRICE)]


def test_a_change_in_the_way_of_a_purchase(server: Server, seller: User) -> None:
    """A change that goes down in a deadlock with a purchase is told to try again, and has changed nothing."""
    parent = offer(seller)
    child = str(write(seller, parent_id=parent, visibility="inherit")["id"])
    lock = "select from asset where id = $1 for share"

    async def run() -> httpx.Response:
        buying = await asyncpg.connect(server.postgres_url)
        try:
            await buying.execute("set deadlock_timeout = '1min'")  # so that it is the change that goes down
            async with buying.transaction():
                await buying.execute(lock, UUID(child))
                change = {"json": {"post": {"visibility": "private"}}}
                changing = asyncio.create_task(asyncio.to_thread(seller.client.put, f"/posts/{parent}", **change))
                while not await buying.fetchval(COUNT_WAITING):  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.005)
                await buying.execute(lock, UUID(parent))
            return await changing
        finally:
            await buying.close()

    told = asyncio.run(run())
    assert (told.status_code, told.json()["error"]["code"]) == (503, "unavailable")
    assert seller.call("GET", f"/posts/{parent}")["visibility"] == "monetized"


def test_a_change_holds_up_its_own_buyers_only(server: Server, org: Organization, seller: User) -> None:
    """While somebody changes an asset, its buyers wait for the change, and those of other assets do not wait."""
    changed, other = offer(seller), offer(seller)
    first, second = org.new_outsider(), org.new_outsider()
    fund(server, first, second, usd=PRICE)

    def buy(who: User, post: str) -> int:
        return who.client.post(USD, json=wanted(post)).status_code

    async def run() -> tuple[int, int]:
        changing = await asyncpg.connect(server.postgres_url)
        try:
            async with changing.transaction():
                await changing.execute("select from asset where id = $1 for no key update", UUID(changed))
                waiting = asyncio.create_task(asyncio.to_thread(buy, first, changed))
                while not await changing.fetchval(COUNT_WAITING):  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.005)
                told = await asyncio.to_thread(buy, second, other)
                assert not waiting.done()
            return told, await waiting
        finally:
            await changing.close()

    assert asyncio.run(run()) == (200, 200)
