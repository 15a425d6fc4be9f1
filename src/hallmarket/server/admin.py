"""Runs `hallmarket admin` commands on a server's database, whether or not the server is running."""

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
from hallmarket.server.identity.api_keys import get_secret
from hallmarket.server.identity.room import IdentitySettings
from hallmarket.server.settings import Settings

Result = TypeVar("Result")
TIMEOUT_S = 30.0

AdminWork = Callable[["asyncpg.Connection[asyncpg.Record]", bytes], Awaitable[Result]]


def run_admin_command(settings: Settings, work: AdminWork[Result], *, on_new: bool = True) -> Result:
    """Run `work` with a connection to the server's database and the secret for key hashes.

    Creates the database if the data folder has none and `on_new` is true. Raises Refusal if `on_new` is false and there
    is no database, and if the database cannot be reached.
    """
    if not (on_new or settings.database_url or EmbeddedPostgres(settings.data).cluster.exists()):
        raise Refusal(
            f"{settings.data} contains no database. "
            "Give the server's folder with --data, or its database with --database."
        )
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with _database_url(settings, deadline) as url:
                return asyncio.run(_run(url, settings, work))
        except _NoConnection:
            # The process that ran PostgreSQL on this folder has just stopped it. Nothing was started, so retry.
            if settings.database_url or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


class _NoConnection(Refusal):
    """No connection was made, so nothing has been changed."""


async def _run(url: str, settings: Settings, work: AdminWork[Result]) -> Result:
    async with _connect(url) as connection:
        return await work(connection, await get_secret(connection, settings.of(IdentitySettings).secret_key))


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
    """Yield the configured database's URL, the running server's, or that of a PostgreSQL started for this block."""
    if settings.database_url:
        yield settings.database_url
        return
    create_data_folder(settings.data)
    postgres = EmbeddedPostgres(settings.data)
    lock = DataFolderLock(settings.data, "admin")
    while not (locked := lock.try_acquire()) and not postgres.is_ready():
        if time.monotonic() > deadline:
            raise Refusal(f"{settings.data} is in use by {lock.holder()}, but its database does not answer.")
        time.sleep(0.1)
    if not locked:
        yield postgres.url
        return
    try:
        postgres.start()
        yield postgres.url
    finally:
        postgres.stop(wait_for_clients=True)
        lock.release()
