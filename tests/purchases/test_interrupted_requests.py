"""Interrupted requests: each of 1,000 operations, sent five times over breaking connections, is executed once."""

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

BUYERS, POSTS, PAYMENTS = 16, 25, 600  # 400 purchases, 300 tips and 300 sends
COPIES = 5
MAX_CONCURRENT = 24  # operations, each with five connections
PRICE = 7


@dataclass
class Operation:
    """One operation, and every response to it."""

    person: User
    path: str
    body: dict[str, Any]
    currency: str
    amount: int
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    responses: list[tuple[int, bytes]] = field(default_factory=list)

    def request(self, server: Server) -> bytes:
        """Return the bytes of the request."""
        body = json.dumps(self.body).encode()
        token = self.person.client.headers["authorization"]
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


def test_an_interrupted_request_is_executed_once(server: Server) -> None:
    """Of each of 1,000 operations, five mostly interrupted copies make one transfer and get one response."""
    log_before = len(server.log.read_text())
    with new_organization(server) as org:
        seller = org.with_unbound_key(org.admin)
        buyers = [org.with_unbound_key(org.new_user()) for _ in range(BUYERS)]
        price = {
            "visibility": "monetized",
            "monetization": "pay-to-unlock",
            "price_usd": PRICE / 100,
            "price_sats": PRICE,
        }
        posts = [write(seller, **price)["id"] for _ in range(POSTS)]
        fund(server, *buyers, usd=100_000, btc=100_000)
        before = balances(server, seller.id, *(buyer.id for buyer in buyers))
        earlier = transfers(server, *(buyer.id for buyer in buyers))
        operations = _operations(seller, buyers, posts)
        assert len(operations) == 1_000
        cuts = asyncio.run(_send_all(server, operations))
    assert min(cuts.values()) > 500, cuts
    for operation in operations:
        assert operation.responses[0][0] == 200, operation
        assert len(set(operation.responses)) == 1, operation
    created = transfers(server, *(buyer.id for buyer in buyers)).keys() - earlier.keys()
    assert len(created) == 1_000
    expected = Counter(before)
    for operation in operations:
        expected[operation.person.id, operation.currency] -= operation.amount
        expected[operation.body.get("recipientId", seller.id), operation.currency] += operation.amount
    assert balances(server, seller.id, *(buyer.id for buyer in buyers)) == dict(expected)
    licences = server.query("select buyer_id, asset_id from licence where seller_id = $1", seller.id)
    assert len(licences) == len({tuple(row) for row in licences}) == BUYERS * POSTS
    assert_balanced(server)
    assert "Traceback" not in server.log.read_text()[log_before:]


def _operations(seller: User, buyers: list[User], posts: list[str]) -> list[Operation]:
    """Return purchases of every post by every buyer, by each route, and payments among buyers, in random order."""
    operations = []
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
            operations.append(Operation(buyer, path, body, currency, PRICE))
    for number in range(PAYMENTS):
        sender, recipient = random.sample(buyers, 2)
        amount = random.randint(1, 50)
        if number % 2:
            body = {"recipientId": recipient.id, "amountCents": amount, "message": f"number {number}"}
            operations.append(Operation(sender, "/stripe/wallet/tip", body, "usd", amount))
        else:
            body = {"recipientId": recipient.id, "amount": amount}
            operations.append(Operation(sender, "/wallet/send-sats", body, "btc", amount))
    random.shuffle(operations)
    return operations


async def _send_all(server: Server, operations: list[Operation]) -> Counter[str]:
    """Send five concurrent copies of every operation, and then one more that is not interrupted."""
    limit = asyncio.Semaphore(MAX_CONCURRENT)
    cuts: Counter[str] = Counter()

    async def send(operation: Operation) -> None:
        async with limit:
            chosen = random.choices(("in the request", "after the request", "in the response", "never"), k=COPIES)
            cuts.update(chosen)
            await asyncio.gather(*(_send(server, operation, cut) for cut in chosen))
            await _send(server, operation, "never")

    await asyncio.gather(*(send(operation) for operation in operations))
    return cuts


async def _send(server: Server, operation: Operation, cut: str) -> None:
    """Send one copy, and close the connection at the given point, with FIN or with RST."""
    address, request = urlsplit(server.url), operation.request(server)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    if cut != "never" and random.random() < 0.5:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        writer.write(request[: random.randrange(1, len(request))] if cut == "in the request" else request)
        await writer.drain()
        if cut == "in the response":
            await reader.read(random.randrange(1, 200))
        elif cut == "never":
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            operation.responses.append((int(head.split(b" ", 2)[1]), body))
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
