"""A thousand operations, each sent five times at once over connections that break: each is done once."""

import asyncio
import json
import random
import secrets
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from _support.organizations import User, new_organization
from _support.servers import Server
from _support.wallets import assert_balanced, balances, fund, transfers
from posts.test_posts import write

BUYERS, POSTS, GIFTS = 16, 25, 600  # 400 purchases, 300 tips and 300 sends
COPIES = 5
AT_ONCE = 24  # operations, of five connections each
PRICE = 7


@dataclass
class Operation:
    """One thing to be done, and all that was ever answered to it."""

    who: User
    path: str
    body: dict[str, Any]
    currency: str
    amount: int
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def request(self, server: Server) -> bytes:
        """The request, byte by byte."""
        body = json.dumps(self.body).encode()
        token = self.who.client.headers["authorization"]
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"host: {urlsplit(server.url).netloc}",
            f"authorization: {token}",
            f"idempotency-key: {self.key}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


def test_cut_connections(server: Server) -> None:
    """Five copies of each of 1,000 operations, most cut off somewhere: 1,000 charges, and one answer to each."""
    log_before = len(server.log.read_text())
    with new_organization(server) as org:
        seller = org.with_unbound_key(org.admin)
        buyers = [org.with_unbound_key(org.new_user()) for _ in range(BUYERS)]
        said = {
            "visibility": "monetized",
            "monetization": "pay-to-unlock",
            "price_usd": PRICE / 100,
            "price_sats": PRICE,
        }
        posts = [write(seller, **said)["id"] for _ in range(POSTS)]
        fund(server, *buyers, usd=100_000, btc=100_000)
        before = balances(server, seller.id, *(buyer.id for buyer in buyers))
        earlier = transfers(server, *(buyer.id for buyer in buyers))
        operations = _operations(seller, buyers, posts)
        assert len(operations) == 1_000
        cuts = asyncio.run(_send_all(server, operations))
    assert min(cuts.values()) > 500, cuts
    for operation in operations:
        assert operation.answers[0][0] == 200, operation
        assert len(set(operation.answers)) == 1, operation
    made = transfers(server, *(buyer.id for buyer in buyers)).keys() - earlier.keys()
    assert len(made) == 1_000
    expected = Counter(before)
    for operation in operations:
        expected[operation.who.id, operation.currency] -= operation.amount
        expected[operation.body.get("recipientId", seller.id), operation.currency] += operation.amount
    assert balances(server, seller.id, *(buyer.id for buyer in buyers)) == dict(expected)
    held = server.query("select buyer_id, asset_id from licence where seller_id = $1", seller.id)
    assert len(held) == len({tuple(row) for row in held}) == BUYERS * POSTS
    assert_balanced(server)
    assert "Traceback" not in server.log.read_text()[log_before:]


def _operations(seller: User, buyers: list[User], posts: list[str]) -> list[Operation]:
    """Purchases by each route of every post by everybody, and gifts among them, in random order."""
    done = []
    for buyer in buyers:
        for post in posts:
            body = {"assetType": "post", "assetId": post}
            path, currency = random.choice(
                (
                    ("/elements/common/purchase-asset", "usd"),
                    ("/stripe/wallet/purchase-asset", "usd"),
                    ("/wallet/purchase-asset", "btc"),
                )
            )
            done.append(Operation(buyer, path, body, currency, PRICE))
    for number in range(GIFTS):
        giver, taker = random.sample(buyers, 2)
        amount = random.randint(1, 50)
        if number % 2:
            body = {"recipientId": taker.id, "amountCents": amount, "message": f"number {number}"}
            done.append(Operation(giver, "/stripe/wallet/tip", body, "usd", amount))
        else:
            body = {"recipientId": taker.id, "amount": amount}
            done.append(Operation(giver, "/wallet/send-sats", body, "btc", amount))
    random.shuffle(done)
    return done


async def _send_all(server: Server, operations: list[Operation]) -> Counter[str]:
    """Send every operation five times at once; those that heard nothing whole ask once more, as they must."""
    turn = asyncio.Semaphore(AT_ONCE)
    cuts: Counter[str] = Counter()

    async def send(operation: Operation) -> None:
        async with turn:
            ways = random.choices(("in the request", "after the request", "in the answer", "whole"), k=COPIES)
            cuts.update(ways)
            await asyncio.gather(*(_send(server, operation, way) for way in ways))
            await _send(server, operation, "whole")

    await asyncio.gather(*(send(operation) for operation in operations))
    return cuts


async def _send(server: Server, operation: Operation, way: str) -> None:
    """Send one copy; the connection is cut there, politely (FIN) or not (RST)."""
    address, request = urlsplit(server.url), operation.request(server)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    if way != "whole" and random.random() < 0.5:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        writer.write(request[: random.randrange(1, len(request))] if way == "in the request" else request)
        await writer.drain()
        if way == "in the answer":
            await reader.read(random.randrange(1, 200))
        elif way == "whole":
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            operation.answers.append((int(head.split(b" ", 2)[1]), body))
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
