"""Requests about money that must come to an end: each has a key, and is repeated with it until it is answered."""

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

AT_ONCE = 32
AGAIN_S = 0.2
MAX_DURATION_S = 120.0


@dataclass
class Wish:
    """What somebody wants done, and the answer once there is one; of a refund, `amount` None is all that is left."""

    kind: str
    who: User
    path: str
    body: dict[str, Any]
    currency: Currency | None = None
    amount: int | None = None
    about: Any = None  # the asset bought, the person paid, the licence refunded
    key: str = field(default_factory=lambda: f"key-{secrets.token_hex(8)}")
    status: int = 0
    answer: bytes = b""


class Trade:
    """People's wishes, sent many at once to a server that may die meanwhile; `wrong` is what should not have been."""

    def __init__(self, server: Server, wishes: Sequence[Wish]) -> None:
        self.wrong: list[str] = []
        self._server = server
        self._wishes = wishes
        self._open = len(wishes)
        self._midst = asyncio.Event()
        self._lost = 0

    def run(self, fault: Callable[[], None] | None = None, after: float = 0.5) -> int:
        """See every wish answered, with a fault when so many of them are; returns how many answers were lost."""
        self._left = int(len(self._wishes) * (1 - after))
        asyncio.run(self._run(fault))
        return self._lost

    async def _run(self, fault: Callable[[], None] | None) -> None:
        waiting = list(self._wishes)
        async with asyncio.timeout(MAX_DURATION_S):
            lanes = [asyncio.create_task(self._lane(waiting)) for _ in range(AT_ONCE)]
            if fault is not None:
                await self._midst.wait()
                await asyncio.to_thread(fault)
            await asyncio.gather(*lanes)

    async def _lane(self, waiting: list[Wish]) -> None:
        """See one wish through after the other, over a connection of its own."""
        async with httpx.AsyncClient(base_url=self._server.url, timeout=30, trust_env=False) as http:
            while waiting:
                wish = waiting.pop()
                while not await (self._credit(wish) if wish.kind == "credit" else self._ask(http, wish)):
                    self._lost += 1
                    await asyncio.sleep(AGAIN_S)
                self._open -= 1
                if self._open <= self._left:
                    self._midst.set()
                if secrets.randbelow(10) == 0 and wish.kind != "credit":
                    await self._ask_again(http, wish)

    async def _ask(self, http: httpx.AsyncClient, wish: Wish) -> bool:
        """Send it once; whether that was answered."""
        response = await self._send(http, wish)
        if response is None:
            return False
        wish.status, wish.answer = response.status_code, response.content
        return True

    async def _ask_again(self, http: httpx.AsyncClient, wish: Wish) -> None:
        """Whoever asks again under the same key is told the same, byte for byte."""
        response = await self._send(http, wish)
        if response is None:
            return
        again = (response.status_code, response.content, response.headers.get("idempotent-replayed"))
        if again != (wish.status, wish.answer, "true"):
            self.wrong.append(f"{wish} was then told {again}")

    async def _send(self, http: httpx.AsyncClient, wish: Wish) -> httpx.Response | None:
        headers = {"authorization": wish.who.client.headers["authorization"], "idempotency-key": wish.key}
        try:
            response = await http.post(wish.path, json=wish.body, headers=headers)
        except httpx.TransportError:
            return None
        return None if response.status_code == 503 else response

    async def _credit(self, wish: Wish) -> bool:
        """As an administrator who looks into the ledger before they give what may have been given."""
        assert wish.currency is not None
        assert wish.amount is not None
        try:
            connection = await asyncpg.connect(self._server.postgres_url, timeout=5)
        except CONNECTION_ERRORS:
            return False
        try:
            if not await connection.fetchval("select exists (select from transfer where message = $1)", wish.key):
                await credit(connection, wish.who.member.username, wish.amount, wish.currency, wish.key)
        except CONNECTION_ERRORS:
            return False
        finally:
            connection.terminate()
        wish.status = 200
        return True
