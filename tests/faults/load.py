"""Real load with a memory: clients that anchor without pause, and a witness of everything they were told."""

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

MAX_ANSWER_S = 25.0
AGAIN_S = 0.05
BATCH_PAUSE_S = 0.7
BATCH_LINES = (3, 40, 40, 200, 1200)  # the last one is committed in two pieces
WATCH_EVERY_S = 0.02


class Witness:
    """What clients sent and were told: every acknowledgement, every checkpoint, and whatever should not have been."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}  # hash -> id
        self.keys: dict[str, dict[str, Any]] = {}  # idempotency key -> the request it was acknowledged for
        self.checkpoints: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest_s = 0.0

    def acknowledge(self, hash_text: str, item_id: str) -> None:
        """Note that the server calls this hash its own under this id; it must never call it by another."""
        if self.acknowledged.setdefault(hash_text, item_id) != item_id:
            self.wrong.append(f"{hash_text} is {self.acknowledged[hash_text]} and {item_id}")

    def wait_for_more(self, timeout_s: float = MAX_ANSWER_S) -> float:
        """Wait until the server acknowledges again and publishes again; returns the seconds that took."""
        began, acknowledged = time.monotonic(), len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > acknowledged, timeout_s)
        published = len(self.checkpoints)
        wait_until(lambda: len(self.checkpoints) > published, timeout_s)
        return time.monotonic() - began

    def wait_for_refusals(self) -> None:
        """Wait until requests are told again and again that the server is not available."""
        told = self.answers["503"]
        wait_until(lambda: self.answers["503"] > told + 50)

    def check(self, *, every_request_answered: bool) -> None:
        """Fail if anything was ever answered that should not have been, or too late, or not at all."""
        assert not self.wrong, self.wrong[:5]
        assert self.slowest_s < MAX_ANSWER_S
        assert not every_request_answered or not self.answers["none"], self.answers


@contextmanager
def under_load(witness: Witness, *servers: Server, singles: int = 12, batches: int = 1) -> Iterator[None]:
    """Load on the servers from a thread of its own: a third of the singles without an Idempotency-Key."""
    witness.answers.clear()
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
        for done in await asyncio.gather(*clients, *watchers, return_exceptions=True):
            if isinstance(done, BaseException):
                self._witness.wrong.append(repr(done))

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
                    self._witness.wrong.append(f"/log/checkpoint: {response.status_code} {response.text}")
                await asyncio.sleep(WATCH_EVERY_S)

    async def _single(self, number: int) -> None:
        async with self._client(number) as http:
            while not self.stopping:
                anchor = _new_anchor(with_id=number % 4 == 0)
                key = f"key-{secrets.token_hex(8)}" if number % 3 else None
                self._witness.sent.add(anchor["hash"])
                done = await self._anchor(http, anchor, key)
                while not (done or self.stopping):
                    await asyncio.sleep(AGAIN_S)
                    done = await self._anchor(http, anchor, key)
                if random.random() < 0.1:
                    await self._anchor(http, anchor, key)

    async def _anchor(self, http: httpx.AsyncClient, anchor: dict[str, Any], key: str | None) -> bool:
        """Send one anchor; True once it is acknowledged."""
        headers = {"idempotency-key": key} if key else {}
        response = await self._send(http, "POST", "/v1/media/anchor", json=anchor, headers=headers)
        if response is None:
            return False
        answer = response.json()
        if response.status_code == 201:
            if key is not None:
                self._witness.keys[key] = anchor
            self._witness.acknowledge(anchor["hash"], answer["id"])
            return True
        return self._told(anchor["hash"], response.status_code, answer, may_be_known=key is None)

    def _told(self, hash_text: str, status: int, answer: dict[str, Any], *, may_be_known: bool) -> bool:
        """Judge an answer other than 201; True if it says that the item is there."""
        if status == 409 and may_be_known and answer["code"] == "DUPLICATE" and (answer["details"] or {}).get("id"):
            self._witness.acknowledge(hash_text, answer["details"]["id"])
            return True
        if status != 503 or answer["code"] != "UNAVAILABLE" or not answer["message"] or answer["details"] is not None:
            self._witness.wrong.append(f"{status} {answer}")
        return False

    async def _batches(self, number: int) -> None:
        async with self._client(number) as http:
            while not self.stopping:
                anchors = [_new_anchor(with_id=False) for _ in range(random.choice(BATCH_LINES))]
                self._witness.sent.update(anchor["hash"] for anchor in anchors)
                while anchors and not self.stopping:
                    anchors = await self._batch(http, anchors)
                    await asyncio.sleep(AGAIN_S if anchors else BATCH_PAUSE_S)

    async def _batch(self, http: httpx.AsyncClient, anchors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send a batch; returns the anchors that are not acknowledged."""
        body = b"".join(json.dumps(anchor).encode() + b"\n" for anchor in anchors)
        headers = {"content-type": "application/x-ndjson"}
        left = {anchor["hash"]: anchor for anchor in anchors}
        began = time.monotonic()
        try:
            async with http.stream("POST", "/v1/media/anchor/batch", content=body, headers=headers) as response:
                self._count(str(response.status_code), began)
                if response.status_code != 200:
                    self._told("", response.status_code, json.loads(await response.aread()), may_be_known=False)
                    return anchors
                rest = b""
                async for piece in response.aiter_raw():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in map(json.loads, lines):
                        hash_text = anchors[line["index"]]["hash"]
                        if line["status"] == 201:
                            self._witness.acknowledge(hash_text, line["id"])
                            del left[hash_text]
                        elif self._told(hash_text, line["status"], line, may_be_known=True):
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
            self._witness.wrong.append(f"503 with {response.headers}")
        return response

    def _count(self, status: str, began: float) -> None:
        self._witness.answers[status] += 1
        self._witness.slowest_s = max(self._witness.slowest_s, time.monotonic() - began)


def _new_anchor(*, with_id: bool) -> dict[str, Any]:
    anchor: dict[str, Any] = {"hash": random_hash(), "size": random.randrange(2**40), "name": "a file"}
    return {**anchor, "id": str(uuid4())} if with_id else anchor
