"""Connections: a pool for ordinary queries and single connections for long-lived work, with one way of failing."""

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

SETTINGS = {"application_name": "hallmarket", "jit": "off", "lock_timeout": "10s"}
CONNECT_TIMEOUT_S = 3.0

# The database is away, going away, or cannot write; the caller's request was fine and may be sent again.
AWAY = (
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
async def away_is_unavailable() -> AsyncIterator[None]:
    """Turn every way in which a database can be away into `Unavailable`."""
    try:
        yield
    except AWAY as error:
        raise Unavailable from error


class Database:
    """One process's connections to the database at `url`, which may come and go."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self._size = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Make the pool; connections are made when first needed, so a database that is away is no obstacle."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self._size,
            max_inactive_connection_lifetime=300,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=SETTINGS,
            reset=_keep,
        )

    async def close(self) -> None:
        """Close every connection of the pool, waiting for those in use."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for one piece of work. Raises Unavailable while the database is away."""
        assert self._pool is not None
        async with away_is_unavailable(), self._pool.acquire(timeout=10) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction that commits when the block ends and rolls back when it raises."""
        async with self.connection() as connection, connection.transaction():
            yield connection


async def _keep(_connection: object) -> None:
    """Our connections carry no session state, so the reset asyncpg would send at each release is left out."""


class DedicatedConnection:
    """One connection of one's own, for work that must not wait for a pool; made anew after every loss."""

    def __init__(
        self, url: str, on_connect: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]] | None = None
    ) -> None:
        self._url = url
        self._on_connect = on_connect
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def get(self) -> "asyncpg.Connection[asyncpg.Record]":
        """The connection, made if there is none. Raises Unavailable while the database is away."""
        if self._connection is None or self._connection.is_closed():
            async with away_is_unavailable():
                self._connection = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S, server_settings=SETTINGS)
                if self._on_connect is not None:
                    await self._on_connect(self._connection)
        return self._connection

    async def close(self) -> None:
        """Close the connection if there is one."""
        if self._connection is not None:
            with suppress(*AWAY):
                await self._connection.close(timeout=2)
            self._connection = None

    def drop(self) -> None:
        """Forget a connection in an unknown state, at once; the database rolls back what it had begun."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
