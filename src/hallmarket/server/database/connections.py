"""Database connections: a pool for ordinary queries, and dedicated connections for long-lived work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from hallmarket.server.errors import Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection

SESSION_SETTINGS = {"application_name": "hallmarket", "jit": "off", "lock_timeout": "10s"}
CONNECT_TIMEOUT_S = 3.0
ACQUIRE_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 2
MAX_IDLE_S = 300

# Errors that mean the database is unreachable, shutting down, or unable to write. The request itself was valid and can
# be retried.
CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
)


@asynccontextmanager
async def translate_connection_errors() -> AsyncIterator[None]:
    """Raise Unavailable in place of any of `CONNECTION_ERRORS`."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise Unavailable from error


class Database:
    """Connection pool of one process. It survives outages of the database at `url`."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self._size = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Create the pool. Connections are opened on first use, so this succeeds while the database is unreachable."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self._size,
            max_inactive_connection_lifetime=MAX_IDLE_S,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=SESSION_SETTINGS,
            reset=_skip_reset,
        )

    async def close(self) -> None:
        """Close the pool after the connections in use are released."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection from the pool. Raises Unavailable if the database is unreachable."""
        assert self._pool is not None
        async with translate_connection_errors(), self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Run the block in a transaction that commits at its end and rolls back if it raises."""
        async with self.connection() as connection, connection.transaction():
            yield connection


async def _skip_reset(_connection: object) -> None:
    """Replace the RESET that asyncpg sends on every release: our connections carry no session state."""


class DedicatedConnection:
    """A connection outside the pool, for work that must not wait for one. It reconnects after a loss."""

    def __init__(
        self, url: str, on_connect: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]] | None = None
    ) -> None:
        self._url = url
        self._on_connect = on_connect
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def get(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Return the connection, opening it if needed. Raises Unavailable if the database is unreachable."""
        if self._connection is None or self._connection.is_closed():
            async with translate_connection_errors():
                self._connection = await asyncpg.connect(
                    self._url, timeout=CONNECT_TIMEOUT_S, server_settings=SESSION_SETTINGS
                )
                if self._on_connect is not None:
                    await self._on_connect(self._connection)
        return self._connection

    async def close(self) -> None:
        """Close the connection if it is open."""
        if self._connection is not None:
            with suppress(*CONNECTION_ERRORS):
                await self._connection.close(timeout=CLOSE_TIMEOUT_S)
            self._connection = None

    def terminate(self) -> None:
        """Drop a connection in an unknown state without waiting. The database rolls back its open transaction."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
