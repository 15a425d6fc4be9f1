"""Databases for the servers under test: copies of an empty embedded cluster, or databases on a given PostgreSQL."""

import asyncio
import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

Connection = asyncpg.Connection
GIVEN_DATABASE = os.environ.get("HALLMARKET_DATABASE_URL", "")
MEMORY = Path("/dev/shm")
MIN_FREE_MEMORY_BYTES = 8 * 2**30
MAKE_CLUSTER = """
import asyncio
import sys
from pathlib import Path
from hallmarket.server.database.embedded import EmbeddedPostgres
from hallmarket.server.database.migrate import migrate
from hallmarket.server.data_folder import create_data_folder
data = Path(sys.argv[1])
create_data_folder(data)
postgres = EmbeddedPostgres(data)
postgres.start()
asyncio.run(migrate(postgres.url))
postgres.stop()
"""

data_parent: str | None = None  # the folder for new servers' data folders; None is the disk, which the benchmarks use


def store_in_memory() -> None:
    """Put the data folders of new servers into /dev/shm if there is room: every commit waits for a disk."""
    global data_parent
    with suppress(OSError):
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > MIN_FREE_MEMORY_BYTES:
            data_parent = str(MEMORY)


@contextmanager
def new_database() -> Iterator[str]:
    """Create a database on HALLMARKET_DATABASE_URL's server and yield its URL; "" if the tests use embedded ones."""
    if not GIVEN_DATABASE:
        yield ""
        return
    name = f"hallmarket_test_{secrets.token_hex(6)}"
    asyncio.run(_execute_on_given_server(f"create database {name}"))
    try:
        yield urlunsplit(urlsplit(GIVEN_DATABASE)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_execute_on_given_server(f"drop database {name} with (force)"))


async def _execute_on_given_server(statement: str) -> None:
    connection = await asyncpg.connect(GIVEN_DATABASE)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def copy_empty_cluster(data: Path) -> None:
    """Create a data folder with a migrated, empty cluster: copying one takes a tenth of the time of initdb."""
    from hallmarket.server.data_folder import create_data_folder

    create_data_folder(data)
    subprocess.run(["cp", "-a", _empty_cluster(), data / "postgres"], check=True)


@cache
def _empty_cluster() -> Path:
    data = Path(tempfile.mkdtemp(prefix="hallmarket-test-", dir=data_parent)) / "data"
    atexit.register(shutil.rmtree, data.parent, ignore_errors=True)
    subprocess.run([sys.executable, "-c", MAKE_CLUSTER, data], check=True)
    return data / "postgres"
