"""LISTEN on one PostgreSQL channel for the life of the process, reconnecting after every loss of the connection."""

import asyncio
from collections.abc import Callable

import asyncpg

from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.errors import Unavailable

HEARTBEAT_S = 5
RECONNECT_DELAY_S = 0.5


class Listener:
    """Calls `on_change` at every notification, and when the connection is lost or restored.

    Notifications may be missed while the connection is down, so both count as a change.
    """

    def __init__(self, url: str, channel: str, on_change: Callable[[], None]) -> None:
        self._channel = channel
        self._on_change = on_change
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
                        self._on_change()
                    await asyncio.sleep(HEARTBEAT_S)
                    await connection.fetchval("select 1", timeout=HEARTBEAT_S)
                except (Unavailable, asyncpg.PostgresError, *CONNECTION_ERRORS):
                    self._on_loss()
                    self._connection.terminate()
                    await asyncio.sleep(RECONNECT_DELAY_S)
        finally:
            await self._connection.close()

    async def _listen(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        connection.add_termination_listener(lambda _connection: self._on_loss())
        await connection.add_listener(self._channel, lambda *_notification: self._on_change())

    def _on_loss(self) -> None:
        self.listening = False
        self._on_change()
