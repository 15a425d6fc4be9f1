"""LISTEN on one channel, for as long as the process lives, over every loss of the connection."""

import asyncio
from collections.abc import Callable

import asyncpg

from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.errors import Unavailable

HEARTBEAT_S = 5
AGAIN_S = 0.5


class Listener:
    """Calls `heard` at every notification, and at every loss and return of the connection, when some may be missed."""

    def __init__(self, url: str, channel: str, heard: Callable[[], None]) -> None:
        self._channel = channel
        self._heard = heard
        self._connection = DedicatedConnection(url, on_connect=self._listen)
        self.listening = False

    async def run(self) -> None:
        """Listen until cancelled."""
        try:
            while True:
                try:
                    connection = await self._connection.get()
                    if not self.listening:
                        self.listening = True
                        self._heard()
                    await asyncio.sleep(HEARTBEAT_S)
                    await connection.fetchval("select 1", timeout=HEARTBEAT_S)
                except (Unavailable, asyncpg.PostgresError, *CONNECTION_ERRORS):
                    self._lost()
                    self._connection.terminate()
                    await asyncio.sleep(AGAIN_S)
        finally:
            await self._connection.close()

    async def _listen(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        connection.add_termination_listener(lambda _connection: self._lost())
        await connection.add_listener(self._channel, lambda *_notification: self._heard())

    def _lost(self) -> None:
        self.listening = False
        self._heard()
