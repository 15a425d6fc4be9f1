"""Load for the fault tests: clients that anchor without pause, and a record of every response they received."""

import asyncio
import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from _support.anchoring import random_hash
from _support.servers import Server
from _support.waiting import wait_until

MAX_RESPONSE_S = 25.0
RETRY_S = 0.05
BATCH_PAUSE_S = 0.7
BATCH_LINES = (3, 40, 40, 200, 1200)  # the last one is committed in two pieces
WATCH_INTERVAL_S = 0.02


class Witness:
    """What clients sent and received: every acknowledgement, every checkpoint, and every wrong response."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}  # hash -> id
        self.keys: dict[str, dict[str, Any]] = {}  # idempotency key -> the request that was acknowledged for it
        self.checkpoints: set[str] = set()
        self.statuses: Counter[str] = Counter()  # "none" counts requests without a response
        self.errors: list[str] = []
        self.slowest_s = 0.0

    def acknowledge(self, hash_text: str, item_id: str) -> None:
        """Record that the server acknowledged this hash under this id. A second, different id is an error."""
        if self.acknowledged.setdefault(hash_text, item_id) != item_id:
            self.errors.append(f"{hash_text} is {self.acknowledged[hash_text]} and {item_id}")

    def wait_for_more(self, timeout_s: float = MAX_RESPONSE_S) -> float:
        """Wait until the server acknowledges and then publishes again; return the seconds that took."""
        began, acknowledged = time.monotonic(), len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > acknowledged, timeout_s)
        published = len(self.checkpoints)
        wait_until(lambda: len(self.checkpoints) > published, timeout_s)
        return time.monotonic() - began

    def wait_for_unavailable(self) -> None:
        """Wait for fifty more responses with status 503."""
        before = self.statuses["503"]
        wait_until(lambda: self.statuses["503"] > before + 50)

    def check(self, *, every_request_answered: bool) -> None:
        """Fail if a response was wrong or late, or, where every request had to be answered, if one was not."""
        assert not self.errors, self.errors[:5]
        assert self.slowest_s < MAX_RESPONSE_S
        assert not every_request_answered or not self.statuses["none"], self.statuses


@contextmanager
def under_load(witness: Witness, *servers: Server, singles: int = 12, batches: int = 1) -> Iterator[None]:
    """Put load on the servers from a separate thread; a third of the single anchors have no Idempotency-Key."""
    witness.statuses.clear()
    load = _Load(witness, [server.url for server in servers], servers[0].api_key)
    thread = threading.Thread(target=lambda: asyncio.run(load.run(singles, batches)))
    thread.start()
    try:
        yield
    finally:
        load.stopping = True
        thread.join()


class _Load:
    def __init__(self, witness: Witness, urls: list[str], api_key: str) -> None:
        self.stopping = False
        self._witness = witness
        self._urls = urls
        self._api_key = api_key

    async def run(self, singles: int, batches: int) -> None:
        clients = [self._single(number) for number in range(singles)] + [self._batches(n) for n in range(batches)]
        watchers = [self._watch(url) for url in self._urls]
        for result in await asyncio.gather(*clients, *watchers, return_exceptions=True):
            if isinstance(result, BaseException):
                self._witness.errors.append(repr(result))

    def _client(self, number: int) -> httpx.AsyncClient:
        url = self._urls[number % len(self._urls)]
        return httpx.AsyncClient(base_url=url, headers={"x-api-key": self._api_key}, timeout=30, trust_env=False)

    async def _watch(self, url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
            while not self.stopping:
                response = await self._send(http, "GET", "/log/checkpoint")
                if response is not None and response.status_code == 200:
                    self._witness.checkpoints.add(response.text)
                elif response is not None and response.json()["error"]["code"] != "unavailable":
                    self._witness.errors.append(f"/log/checkpoint: {response.status_code} {response.text}")
                await asyncio.sleep(WATCH_INTERVAL_S)

    async def _single(self, number: int) -> None:
        async with self._client(number) as http:
            while not self.stopping:
                anchor = _new_anchor(with_id=number % 4 == 0)
                key = f"key-{secrets.token_hex(8)}" if number % 3 else None
                self._witness.sent.add(anchor["hash"])
                acknowledged = await self._anchor(http, anchor, key)
                while not (acknowledged or self.stopping):
                    await asyncio.sleep(RETRY_S)
                    acknowledged = await self._anchor(http, anchor, key)
                if random.random() < 0.1:
                    await self._anchor(http, anchor, key)

    async def _anchor(self, http: httpx.AsyncClient, anchor: dict[str, Any], key: str | None) -> bool:
        """Send one anchor; return whether it is acknowledged."""
        headers = {"idempotency-key": key} if key else {}
        response = await self._send(http, "POST", "/v1/media/anchor", json=anchor, headers=headers)
        if response is None:
            return False
        body = response.json()
        if response.status_code == 201:
            if key is not None:
                self._witness.keys[key] = anchor
            self._witness.acknowledge(anchor["hash"], body["id"])
            return True
        return self._check_error(anchor["hash"], response.status_code, body, may_be_known=key is None)

    def _check_error(self, hash_text: str, status: int, body: dict[str, Any], *, may_be_known: bool) -> bool:
        """Check a response other than 201; return whether it says that the item exists."""
        if status == 409 and may_be_known and body["code"] == "DUPLICATE" and (body["details"] or {}).get("id"):
            self._witness.acknowledge(hash_text, body["details"]["id"])
            return True
        if status != 503 or body["code"] != "UNAVAILABLE" or not body["message"] or body["details"] is not None:
            self._witness.errors.append(f"{status} {body}")
        return False

    async def _batches(self, number: int) -> None:
        async with self._client(number) as http:
            while not self.stopping:
                anchors = [_new_anchor(with_id=False) for _ in range(random.choice(BATCH_LINES))]
                self._witness.sent.update(anchor["hash"] for anchor in anchors)
                while anchors and not self.stopping:
                    anchors = await self._batch(http, anchors)
                    await asyncio.sleep(RETRY_S if anchors else BATCH_PAUSE_S)

    async def _batch(self, http: httpx.AsyncClient, anchors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send a batch; return the anchors that are not acknowledged."""
        body = b"".join(json.dumps(anchor).encode() + b"\n" for anchor in anchors)
        headers = {"content-type": "application/x-ndjson"}
        left = {anchor["hash"]: anchor for anchor in anchors}
        began = time.monotonic()
        try:
            async with http.stream("POST", "/v1/media/anchor/batch", content=body, headers=headers) as response:
                self._count(str(response.status_code), began)
                if response.status_code != 200:
                    error = json.loads(await response.aread())
                    self._check_error("", response.status_code, error, may_be_known=False)
                    return anchors
                rest = b""
                async for piece in response.aiter_raw():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in map(json.loads, lines):
                        hash_text = anchors[line["index"]]["hash"]
                        if line["status"] == 201:
                            self._witness.acknowledge(hash_text, line["id"])
                            del left[hash_text]
                        elif self._check_error(hash_text, line["status"], line, may_be_known=True):
                            del left[hash_text]
        except httpx.TransportError:
            self._count("none", began)
        return list(left.values())

    async def _send(self, http: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response | None:
        began = time.monotonic()
        try:
            response = await http.request(method, path, **options)
        except httpx.TransportError:
            self._count("none", began)
            return None
        self._count(str(response.status_code), began)
        if response.status_code == 503 and not response.headers["retry-after"].isdigit():
            self._witness.errors.append(f"503 with {response.headers}")
        return response

    def _count(self, status: str, began: float) -> None:
        self._witness.statuses[status] += 1
        self._witness.slowest_s = max(self._witness.slowest_s, time.monotonic() - began)


def _new_anchor(*, with_id: bool) -> dict[str, Any]:
    anchor: dict[str, Any] = {"hash": random_hash(), "size": random.randrange(2**40), "name": "a file"}
    return {**anchor, "id": str(uuid4())} if with_id else anchor
