"""Real servers for the tests: `hallmarket serve` as a process of its own, on a database of its own."""

import asyncio
import atexit
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx

HALLMARKET = str(Path(sys.executable).with_name("hallmarket"))
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
MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 * 2**30
place: str | None = None  # where new servers keep their files; None is the disk, as benchmarks want it
Made = TypeVar("Made")
Connection = asyncpg.Connection
GIVEN_DATABASE = os.environ.get("HALLMARKET_DATABASE_URL", "")
held_ports = ExitStack()
atexit.register(held_ports.close)


def random_hash() -> str:
    """A fingerprint nobody has."""
    return hashlib.sha3_512(secrets.token_bytes(16)).hexdigest()


def free_port() -> int:
    """A port nobody listens on, nor is given instead of us by the system, however often who listens on it restarts.

    It is bound, but not listened on: that keeps out only those who would take any.
    """
    holding = held_ports.enter_context(socket.socket())
    holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holding.bind(("127.0.0.1", 0))
    return int(holding.getsockname()[1])


def wait_until(condition: Callable[[], Any], timeout_s: float = 60.0, every_s: float = 0.02) -> Any:
    """The first true value of `condition`; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s"
        time.sleep(every_s)
    return value


def open_files(pid: int) -> list[str]:
    """What a process has open, as Linux names it; what it closes while we look is left out, and all if it ends."""
    names = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                names.append(str(file.readlink()))
    return names


class Server:
    """One `hallmarket serve`; its database is embedded in `data`, or a new one on HALLMARKET_DATABASE_URL's server."""

    def __init__(self, data: Path, database_url: str = "", **settings: object) -> None:
        self.data = data
        self.database_url = database_url
        self.settings = settings
        self.url = ""
        self.api_key = ""
        self.organization = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server and of the commands that administer it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARKET_")}
        given = {f"HALLMARKET_{name.upper()}": str(value) for name, value in self.settings.items()}
        if self.database_url:
            given["HALLMARKET_DATABASE_URL"] = self.database_url
        return clean | {"HALLMARKET_DATA": str(self.data)} | given

    @property
    def where(self) -> list[str]:
        """The options that tell `hallmarket admin` which database."""
        return ["--database", self.database_url] if self.database_url else ["--data", str(self.data)]

    def start(self, port: int | None = None) -> "Server":
        """Start it and wait until it answers; fails with its log if it does not start."""
        port = port or (int(urlsplit(self.url).port or 0) if self.url else free_port())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [HALLMARKET, "serve", "--port", str(port), "--json"],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "first-start":
                self.api_key, self.organization = event["key"], event["organization"]
            if event["event"] == "listening":
                self.url = event["url"]
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return self
        self.process.wait()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self, timeout_s: float = 60.0) -> int:
        """Stop it as an operator would, by SIGTERM; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        self._close()
        return status

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self.process is not None and self.process.poll() is None

    def admin(self, *arguments: str) -> Any:
        """The JSON a `hallmarket admin` command prints; fails if the command does."""
        result = self.run_admin(*arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def run_admin(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A `hallmarket admin` command, as it went."""
        return subprocess.run(
            [HALLMARKET, "admin", *arguments, *self.where, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    # People and keys are made by the functions behind `hallmarket admin`: a command takes longer than most tests.

    def new_member(self, *, organization: str = "", scopes: str = "") -> "Member":
        """A new person with a new key, in a new organization unless one is given, beside the running server."""
        from hallmarket.server.identity.register import create_organization, create_person

        async def make(connection: Connection) -> Member:
            org = UUID(organization) if organization else await create_organization(connection, "Org")
            name = f"u{secrets.token_hex(6)}"
            person = await create_person(connection, name, organization_id=org, firstname="Jane", lastname="Doe")
            key = await self._create_key(connection, name, organization_id=org, scopes=scopes)
            return Member(str(org), str(person), name, str(key.id), key.key)

        return self.beside(make)

    def new_key(self, member: "Member", *, organization: str = "", name: str = "") -> "Member":
        """The same person with another key, bound to no organization unless one is given."""

        async def make(connection: Connection) -> Member:
            org = UUID(organization) if organization else None
            key = await self._create_key(connection, member.username, organization_id=org, name=name)
            return Member(member.organization, member.person, member.username, str(key.id), key.key)

        return self.beside(make)

    async def _create_key(self, connection: Connection, username: str, scopes: str = "", **wanted: Any) -> Any:
        from hallmarket.server.identity.keys import create_key, get_secret
        from hallmarket.server.identity.types import SCOPES

        secret = await get_secret(connection, str(self.settings.get("secret_key", "")))
        return await create_key(connection, secret, username, scopes=scopes.split(",") if scopes else SCOPES, **wanted)

    @contextmanager
    def client(self, api_key: str | None = None, **options: Any) -> Iterator[httpx.Client]:
        """An HTTP client with a key: the first start's unless another is given; "" for none."""
        key = self.api_key if api_key is None else api_key
        with httpx.Client(
            base_url=self.url, headers={"x-api-key": key} if key else {}, timeout=30, trust_env=False, **options
        ) as client:
            yield client

    def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows straight from the server's database."""

        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            return list(await connection.fetch(sql, *arguments))

        return self.beside(fetch)

    def beside(self, work: Callable[[Connection], Awaitable[Made]]) -> Made:
        """What some work on the server's database comes to, over a connection of its own."""

        async def run() -> Made:
            connection = await asyncpg.connect(self.postgres_url)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(run())

    @property
    def postgres_url(self) -> str:
        """The URL of the server's database, embedded or not."""
        from hallmarket.server.database.embedded import EmbeddedPostgres

        return self.database_url or EmbeddedPostgres(self.data).url


class Member:
    """A person in an organization, with a key."""

    def __init__(self, organization: str, person: str, username: str, key_id: str, key: str) -> None:
        self.organization = organization
        self.person = person
        self.username = username
        self.key_id = key_id
        self.key = key


async def _on_given_server(statement: str) -> None:
    connection = await asyncpg.connect(GIVEN_DATABASE)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def new_database() -> Iterator[str]:
    """The URL of a new, empty database on HALLMARKET_DATABASE_URL's server; "" if the tests use the embedded one."""
    if not GIVEN_DATABASE:
        yield ""
        return
    name = f"hallmarket_test_{secrets.token_hex(6)}"
    asyncio.run(_on_given_server(f"create database {name}"))
    try:
        yield urlunsplit(urlsplit(GIVEN_DATABASE)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_on_given_server(f"drop database {name} with (force)"))


def keep_in_memory() -> None:
    """Keep the files of servers made from here on in memory, if there is room: every commit waits for a disk."""
    global place
    with suppress(OSError):
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
            place = str(MEMORY)


@cache
def _empty_cluster() -> Path:
    """An embedded PostgreSQL with an empty schema, made once for all servers that need not make their own."""
    data = Path(tempfile.mkdtemp(prefix="hallmarket-test-", dir=place)) / "data"
    atexit.register(shutil.rmtree, data.parent, ignore_errors=True)
    subprocess.run([sys.executable, "-c", MAKE_CLUSTER, data], check=True)
    return data / "postgres"


def copy_empty_cluster(data: Path) -> None:
    """Give a new data folder its PostgreSQL: a copy takes a tenth of the time."""
    from hallmarket.server.data_folder import create_data_folder

    create_data_folder(data)
    subprocess.run(["cp", "-a", _empty_cluster(), data / "postgres"], check=True)


@contextmanager
def new_server(*, start: bool = True, on_disk: bool = False, **settings: object) -> Iterator[Server]:
    """A server on a new data folder and a new database; stopped and cleaned up at the end, whatever happened to it.

    The folder is on the disk for those who ask what a kill leaves there, wherever others' are.
    """
    unlimited = {"rate_limit_key": 0, "rate_limit_address": 0, "rate_limit_failed": 0}
    where = None if on_disk else place
    with tempfile.TemporaryDirectory(prefix="hallmarket-test-", dir=where) as folder, new_database() as database_url:
        server = Server(Path(folder) / "data", database_url, **{**unlimited, **settings})
        if start and not database_url:
            copy_empty_cluster(server.data)
        try:
            yield server.start() if start else server
        finally:
            if server.running:
                server.stop()
            if not database_url:
                from hallmarket.server.database.embedded import EmbeddedPostgres

                EmbeddedPostgres(server.data).stop()
