"""Races between purchases, changes, deletions and refunds: no buyer pays twice, or too much."""

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
    """An organization on the shared server."""
    with new_organization(server) as created:
        yield created


@pytest.fixture
def seller(org: Organization) -> User:
    """A seller with a key that is bound to no organization."""
    return org.with_unbound_key(org.new_user())


@pytest.fixture
def buyer(org: Organization) -> User:
    """A buyer with a key that is bound to no organization."""
    return org.with_unbound_key(org.new_user())


def sell(seller: User) -> str:
    """Create a post for sale in both currencies, and return its id."""
    price = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": PRICE / 100, "price_sats": PRICE}
    return str(write(seller, **price)["id"])


def order(post: str) -> dict[str, str]:
    """Return the body of a request that buys a post."""
    return {"assetType": "post", "assetId": post}


def send_concurrently(requests: Sequence[tuple[User, str, Any]]) -> list[int]:
    """Send POSTs from as many threads at the same moment, each with its own key, and return their statuses."""
    ready = threading.Barrier(len(requests))

    def send(request: tuple[User, str, Any]) -> int:
        person, path, body = request
        ready.wait()
        return person.client.post(path, json=body, headers={"idempotency-key": str(uuid4())}).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def active_licences(server: Server, buyer: User, post: str) -> list[tuple[str, int]]:
    """Return the currency and price of a buyer's active licences to a post. Fail unless each has an entitlement."""
    rows = server.query(
        "select currency, price_minor from licence where buyer_id = $1 and asset_id = $2 and ended_on is null",
        UUID(buyer.id),
        UUID(post),
    )
    entitlements = server.query(
        "select from permission where person_id = $1 and asset_id = $2 and bought", UUID(buyer.id), UUID(post)
    )
    assert len(entitlements) == len(rows)
    return [(row["currency"], row["price_minor"]) for row in rows]


def test_ten_buyers_with_exactly_enough_money(server: Server, org: Organization, seller: User) -> None:
    """Ten people who spend their whole balance at one seller concurrently all succeed, and have nothing left."""
    post, buyers = sell(seller), [org.with_unbound_key(org.new_user()) for _ in range(10)]
    fund(server, *buyers, usd=PRICE)
    assert send_concurrently([(each, USD, order(post)) for each in buyers]) == [200] * 10
    left = balances(server, seller.id, *(each.id for each in buyers))
    assert left.pop((seller.id, "usd")) == 10 * PRICE
    assert set(left.values()) == {0}
    assert_balanced(server)


def test_a_balance_is_spent_once(server: Server, seller: User, buyer: User) -> None:
    """Of ten concurrent purchases by a buyer with money for three, three succeed and seven are 402."""
    posts = [sell(seller) for _ in range(10)]
    fund(server, buyer, usd=3 * PRICE + 1)
    statuses = send_concurrently([(buyer, (COMMON, USD)[number % 2], order(post)) for number, post in enumerate(posts)])
    assert Counter(statuses) == {200: 3, 402: 7}
    for post, status in zip(posts, statuses, strict=True):
        assert active_licences(server, buyer, post) == ([("usd", PRICE)] if status == 200 else [])
    assert balances(server, buyer.id, seller.id) == {
        (buyer.id, "usd"): 1,
        (buyer.id, "btc"): 0,
        (seller.id, "usd"): 3 * PRICE,
        (seller.id, "btc"): 0,
    }


def test_concurrent_sends_of_a_whole_balance(server: Server, org: Organization, buyer: User) -> None:
    """Two people who concurrently send each other their whole balance ten times create and lose no money."""
    friends = [buyer, org.with_unbound_key(org.new_user())]
    fund(server, *friends, btc=PRICE)
    sends = [(friends[n % 2], "/wallet/send-sats", {"recipientId": friends[1 - n % 2].id, "amount": PRICE})
             for n in range(10)]  # fmt: skip
    assert set(send_concurrently(sends)) <= {200, 402}
    after = balances(server, *(each.id for each in friends))
    assert sum(after.values()) == 2 * PRICE


@pytest.mark.parametrize(
    ("paths", "currencies"), [([USD], {"usd"}), ([BTC], {"btc"}), ([USD, BTC, COMMON], {"usd", "btc"})]
)
def test_a_buyer_pays_once(server: Server, seller: User, buyer: User, paths: list[str], currencies: set[str]) -> None:
    """Of ten concurrent purchases of one asset with ten keys, in one currency or both, one charges and nine are 409."""
    post = sell(seller)
    fund(server, buyer, usd=20 * PRICE, btc=20 * PRICE)
    statuses = send_concurrently([(buyer, paths[number % len(paths)], order(post)) for number in range(10)])
    assert Counter(statuses) == {200: 1, 409: 9}
    ((currency, price),) = active_licences(server, buyer, post)
    assert currency in currencies
    assert price == PRICE
    assert sum(balances(server, buyer.id).values()) == 39 * PRICE
    assert [each["kind"] for each in transfers(server, seller.id).values()] == ["purchase"]


def overlap(server: Server, post: str, calls: Sequence[Call]) -> list[int]:
    """Send requests that wait for the same asset, in this order, and return their statuses."""
    return run_overlapping(server, calls, f"select from asset where id = '{UUID(post)}' for update")


def purchase_of(buyer: User, post: str) -> Call:
    """Return a purchase in dollars."""
    return buyer, "POST", USD, order(post)


@pytest.mark.parametrize("first", ["purchase", "change"])
def test_the_price_changes_during_a_purchase(server: Server, seller: User, buyer: User, first: str) -> None:
    """The buyer pays the price before or after the change, depending on the order, and the licence records it."""
    post = sell(seller)
    fund(server, buyer, usd=2000)
    calls = [purchase_of(buyer, post), (seller, "PUT", f"/posts/{post}", {"post": {"price_usd": OTHER / 100}})]
    assert overlap(server, post, calls if first == "purchase" else calls[::-1]) == [200, 200]
    paid = PRICE if first == "purchase" else OTHER
    assert active_licences(server, buyer, post) == [("usd", paid)]
    assert balances(server, buyer.id)[buyer.id, "usd"] == 2000 - paid
    assert balances(server, seller.id)[seller.id, "usd"] == paid


@pytest.mark.parametrize("first", ["purchase", "change"])
def test_an_asset_becomes_private_during_a_purchase(server: Server, seller: User, buyer: User, first: str) -> None:
    """A post that was bought first stays readable. After the change it is 404, and the buyer pays nothing."""
    post = sell(seller)
    fund(server, buyer, usd=PRICE)
    calls = [purchase_of(buyer, post), (seller, "PUT", f"/posts/{post}", {"post": {"visibility": "private"}})]
    if first == "purchase":
        assert overlap(server, post, calls) == [200, 200]
        assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
        assert active_licences(server, buyer, post) == [("usd", PRICE)]
    else:
        assert overlap(server, post, calls[::-1]) == [200, 404]
        assert active_licences(server, buyer, post) == []
        assert balances(server, buyer.id)[buyer.id, "usd"] == PRICE


@pytest.mark.parametrize("first", ["purchase", "deletion"])
def test_an_asset_is_deleted_during_a_purchase(server: Server, seller: User, buyer: User, first: str) -> None:
    """A post that was bought first cannot be deleted. After the deletion it is 404, and the buyer pays nothing."""
    post = sell(seller)
    fund(server, buyer, usd=PRICE)
    calls: list[Call] = [purchase_of(buyer, post), (seller, "DELETE", f"/posts/{post}", None)]
    if first == "purchase":
        assert overlap(server, post, calls) == [200, 409]
        assert active_licences(server, buyer, post) == [("usd", PRICE)]
        assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
    else:
        assert overlap(server, post, calls[::-1]) == [200, 404]
        assert balances(server, buyer.id)[buyer.id, "usd"] == PRICE
        assert transfers(server, seller.id) == {}


def test_a_licence_is_refunded_during_a_purchase(server: Server, seller: User, buyer: User) -> None:
    """A purchase during a refund of the same post succeeds after the refund, or is 409 before it."""
    post = sell(seller)
    fund(server, buyer, usd=20 * PRICE)
    buyer.call("POST", USD, json=order(post))
    charges = 1
    for _ in range(6):
        (licence,) = server.query("select id from licence where asset_id = $1 and ended_on is null", UUID(post))
        refund = f"/licences/{licence['id']}/refund"
        repurchase, *refunds = send_concurrently([(buyer, USD, order(post)), *((seller, refund, {}) for _ in range(3))])
        assert Counter(refunds) == {200: 1, 409: 2}
        assert repurchase in (200, 409)
        if repurchase == 409:
            assert active_licences(server, buyer, post) == []
            buyer.call("POST", USD, json=order(post))
        charges += 1
        assert active_licences(server, buyer, post) == [("usd", PRICE)]
        assert balances(server, buyer.id)[buyer.id, "usd"] == 19 * PRICE
    kinds = Counter(each["kind"] for each in transfers(server, seller.id).values())
    assert kinds == {"purchase": charges, "refund": charges - 1}
    assert_balanced(server)


def test_concurrent_partial_refunds(server: Server, seller: User, buyer: User) -> None:
    """Of ten concurrent refunds of a third each, three succeed: the refunds never exceed the price."""
    post = sell(seller)
    fund(server, buyer, usd=PRICE)
    fund(server, seller, usd=10 * PRICE)
    buyer.call("POST", USD, json=order(post))
    (licence,) = server.query("select id from licence where asset_id = $1", UUID(post))
    third = {"amount": PRICE // 3}
    statuses = send_concurrently([(seller, f"/licences/{licence['id']}/refund", third) for _ in range(10)])
    assert Counter(statuses) == {200: 3, 409: 7}
    assert balances(server, buyer.id)[buyer.id, "usd"] == 3 * (PRICE // 3)
    assert active_licences(server, buyer, post) == [("usd", PRICE)]


def test_a_deadlocked_change_is_503(server: Server, seller: User) -> None:
    """A change that loses a deadlock against a purchase is 503, and has changed nothing."""
    parent = sell(seller)
    child = str(write(seller, parent_id=parent, visibility="inherit")["id"])
    lock = "select from asset where id = $1 for share"

    async def run() -> httpx.Response:
        buying = await asyncpg.connect(server.postgres_url)
        try:
            await buying.execute(
                "set deadlock_timeout = '1min'"
            )  # so that PostgreSQL cancels the change, not this connection
            async with buying.transaction():
                await buying.execute(lock, UUID(child))
                change = {"json": {"post": {"visibility": "private"}}}
                changing = asyncio.create_task(asyncio.to_thread(seller.client.put, f"/posts/{parent}", **change))
                while not await buying.fetchval(COUNT_WAITING):  # noqa: ASYNC110 (PostgreSQL sends no event)
                    await asyncio.sleep(0.005)
                await buying.execute(lock, UUID(parent))
            return await changing
        finally:
            await buying.close()

    response = asyncio.run(run())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert seller.call("GET", f"/posts/{parent}")["visibility"] == "monetized"


def test_a_change_delays_only_buyers_of_its_asset(server: Server, org: Organization, seller: User) -> None:
    """While an asset is being changed, its buyers wait for the change, and buyers of other assets do not."""
    changed, other = sell(seller), sell(seller)
    first, second = org.new_outsider(), org.new_outsider()
    fund(server, first, second, usd=PRICE)

    def buy(person: User, post: str) -> int:
        return person.client.post(USD, json=order(post)).status_code

    async def run() -> tuple[int, int]:
        changing = await asyncpg.connect(server.postgres_url)
        try:
            async with changing.transaction():
                await changing.execute("select from asset where id = $1 for no key update", UUID(changed))
                waiting = asyncio.create_task(asyncio.to_thread(buy, first, changed))
                while not await changing.fetchval(COUNT_WAITING):  # noqa: ASYNC110 (PostgreSQL sends no event)
                    await asyncio.sleep(0.005)
                status = await asyncio.to_thread(buy, second, other)
                assert not waiting.done()
            return status, await waiting
        finally:
            await changing.close()

    assert asyncio.run(run()) == (200, 200)
