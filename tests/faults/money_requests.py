"""Requests that move money: each has an idempotency key, and is repeated with it until it is answered."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from _support.organizations import User
from _support.servers import Server
from hallmarket.server.database.connections import CONNECTION_ERRORS
from hallmarket.server.wallet.operator_transfers import credit
from hallmarket.server.wallet.types import Currency

CONCURRENCY = 32
RETRY_S = 0.2
MAX_DURATION_S = 120.0


@dataclass
class MoneyRequest:
    """A request and, later, its response. A refund whose `amount` is None returns all that is left."""

    kind: str
    user: User
    path: str
    body: dict[str, Any]
    currency: Currency | None = None
    amount: int | None = None
    subject: Any = None  # the asset that is bought, the person who is paid, or the licence that is refunded
    key: str = field(default_factory=lambda: f"key-{secrets.token_hex(8)}")
    status: int = 0
    response: bytes = b""


class RequestRunner:
    """Sends requests concurrently to a server that may be killed meanwhile; `errors` lists wrong responses."""

    def __init__(self, server: Server, requests: Sequence[MoneyRequest]) -> None:
        self.errors: list[str] = []
        self._server = server
        self._requests = requests
        self._open = len(requests)
        self._fault_due = asyncio.Event()
        self._lost = 0

    def run(self, fault: Callable[[], None] | None = None, after: float = 0.5) -> int:
        """Send each request until it is answered, with the fault after a share of them. Return the lost responses."""
        self._left = int(len(self._requests) * (1 - after))
        asyncio.run(self._run(fault))
        return self._lost

    async def _run(self, fault: Callable[[], None] | None) -> None:
        waiting = list(self._requests)
        async with asyncio.timeout(MAX_DURATION_S):
            clients = [asyncio.create_task(self._client(waiting)) for _ in range(CONCURRENCY)]
            if fault is not None:
                await self._fault_due.wait()
                await asyncio.to_thread(fault)
            await asyncio.gather(*clients)

    async def _client(self, waiting: list[MoneyRequest]) -> None:
        """Send one request after the other over one connection, each until it is answered."""
        async with httpx.AsyncClient(base_url=self._server.url, timeout=30, trust_env=False) as http:
            while waiting:
                request = waiting.pop()
                while not await (self._credit(request) if request.kind == "credit" else self._send_once(http, request)):
                    self._lost += 1
                    await asyncio.sleep(RETRY_S)
                self._open -= 1
                if self._open <= self._left:
                    self._fault_due.set()
                if secrets.randbelow(10) == 0 and request.kind != "credit":
                    await self._repeat(http, request)

    async def _send_once(self, http: httpx.AsyncClient, request: MoneyRequest) -> bool:
        """Send a request once; return whether it was answered."""
        response = await self._send(http, request)
        if response is None:
            return False
        request.status, request.response = response.status_code, response.content
        return True

    async def _repeat(self, http: httpx.AsyncClient, request: MoneyRequest) -> None:
        """Repeat an answered request, and check that the response is the same byte for byte."""
        response = await self._send(http, request)
        if response is None:
            return
        repeated = (response.status_code, response.content, response.headers.get("idempotent-replayed"))
        if repeated != (request.status, request.response, "true"):
            self.errors.append(f"{request} then got {repeated}")

    async def _send(self, http: httpx.AsyncClient, request: MoneyRequest) -> httpx.Response | None:
        headers = {"authorization": request.user.client.headers["authorization"], "idempotency-key": request.key}
        try:
            response = await http.post(request.path, json=request.body, headers=headers)
        except httpx.TransportError:
            return None
        return None if response.status_code == 503 else response

    async def _credit(self, request: MoneyRequest) -> bool:
        """Credit a wallet as an operator does, who first checks whether the credit was already made."""
        assert request.currency is not None
        assert request.amount is not None
        try:
            connection = await asyncpg.connect(self._server.postgres_url, timeout=5)
        except CONNECTION_ERRORS:
            return False
        try:
            if not await connection.fetchval("select exists (select from transfer where message = $1)", request.key):
                await credit(connection, request.user.member.username, request.amount, request.currency, request.key)
        except CONNECTION_ERRORS:
            return False
        finally:
            connection.terminate()
        request.status = 200
        return True
