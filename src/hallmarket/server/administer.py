"""What `hallmarket admin` does, beside a running server or without one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import asyncpg

from hallmarket.server.data_folder import DataFolderLock, create_data_folder
from hallmarket.server.database.embedded import EmbeddedPostgres
from hallmarket.server.database.migrate import migrate
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.keys import get_secret
from hallmarket.server.settings import Settings

Result = TypeVar("Result")
WAIT_S = 30.0

AdminWork = Callable[["asyncpg.Connection[asyncpg.Record]", bytes], Awaitable[Result]]


def administer(settings: Settings, work: AdminWork[Result], *, on_new: bool = True) -> Result:
    """Run `work` with a connection to the server's database and the secret behind key hashes. Raises Refusal.

    A data folder that holds no database yet gets one, but not where `on_new` is false.
    """
    if not (on_new or settings.database_url or EmbeddedPostgres(settings.data).cluster.exists()):
        raise Refusal(f"{settings.data} holds no database; name the server's by --data or --database.")
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            with _database_url(settings, deadline) as url:
                return asyncio.run(_run(url, settings, work))
        except _NoConnection:
            # Whoever ran PostgreSQL on this folder has just stopped it; nothing was begun, so it is our turn now.
            if settings.database_url or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


class _NoConnection(Refusal):
    """The database was not there to begin with."""


async def _run(url: str, settings: Settings, work: AdminWork[Result]) -> Result:
    async with _connect(url) as connection:
        return await work(connection, await get_secret(connection, settings.secret_key))


@asynccontextmanager
async def _connect(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    try:
        await migrate(url)
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise _NoConnection(f"The database does not answer: {error}.") from error
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def _database_url(settings: Settings, deadline: float) -> Iterator[str]:
    """The database's URL: the one given, the running server's, or that of a PostgreSQL started for the moment."""
    if settings.database_url:
        yield settings.database_url
        return
    create_data_folder(settings.data)
    postgres = EmbeddedPostgres(settings.data)
    lock = DataFolderLock(settings.data, "admin")
    while not (alone := lock.try_acquire()) and not postgres.is_ready():
        if time.monotonic() > deadline:
            raise Refusal(f"{settings.data} is in use by {lock.holder()}, but its database does not answer.")
        time.sleep(0.1)
    if not alone:
        yield postgres.url
        return
    try:
        postgres.start()
        yield postgres.url
    finally:
        postgres.stop(wait_for_clients=True)
        lock.release()
