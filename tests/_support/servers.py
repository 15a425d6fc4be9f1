"""Real servers for the tests: `hallmarket serve` in its own process, on its own database."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx

from _support import databases
from _support.commands import HALLMARKET as HALLMARKET
from _support.commands import run_command, start_command
from _support.databases import Connection, copy_empty_cluster, new_database
from _support.members import Member
from _support.ports import free_port

Result = TypeVar("Result")


class Server:
    """One `hallmarket serve`; its database is embedded in `data`, or a new one on HALLMARKET_DATABASE_URL's server."""

    def __init__(
        self, data: Path, database_url: str = "", *, new_interpreter: bool = False, **settings: object
    ) -> None:
        self.data = data
        self.database_url = database_url
        self.new_interpreter = new_interpreter
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
        clean.pop("PYTHONUNBUFFERED", None)  # without it the server has to flush its log, as on a user's machine
        settings = {f"HALLMARKET_{name.upper()}": str(value) for name, value in self.settings.items()}
        if self.database_url:
            settings["HALLMARKET_DATABASE_URL"] = self.database_url
        return clean | {"HALLMARKET_DATA": str(self.data)} | settings

    @property
    def database_options(self) -> list[str]:
        """The options that name the server's database to `hallmarket admin`."""
        return ["--database", self.database_url] if self.database_url else ["--data", str(self.data)]

    @property
    def postgres_url(self) -> str:
        """The URL of the server's database, embedded or not."""
        from hallmarket.server.database.embedded import EmbeddedPostgres

        return self.database_url or EmbeddedPostgres(self.data).url

    def start(self, port: int | None = None) -> "Server":
        """Start it and wait until it serves requests; fail with its log if it does not start.

        The port is `port`, else the one it had before, else a free one.
        """
        port = port or (int(urlsplit(self.url).port or 0) if self.url else free_port())
        with self.log.open("ab") as log:
            self.process = start_command(
                "serve",
                "--port",
                port,
                "--json",
                env=self.environment,
                new_interpreter=self.new_interpreter,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            assert "error" not in event, event
            if event["event"] == "first-start":
                self.api_key, self.organization = event["key"], event["organization"]
            if event["event"] == "listening":
                self.url = event["url"]
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return self
        self.process.wait()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self, timeout_s: float = 60.0) -> int:
        """Stop it as an operator would, by SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        self._close()
        return status

    def kill(self) -> None:
        """Send SIGKILL to its first process and wait until that has ended."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def running(self) -> bool:
        """Whether its first process is alive."""
        return self.process is not None and self.process.poll() is None

    def admin(self, *arguments: str) -> Any:
        """Run a `hallmarket admin` command and return the JSON it prints; fail if the command does."""
        result = self.run_admin(*arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def run_admin(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a `hallmarket admin` command and return its result, failed or not."""
        return run_command("admin", *arguments, *self.database_options, "--json", env=self.environment)

    # People and keys are created by the functions behind `hallmarket admin`: the command takes longer than most tests.

    def new_member(self, *, organization: str = "", scopes: str = "") -> Member:
        """Create a person with a key, in a new organization unless one is given."""
        from hallmarket.server.identity.provisioning import create_organization, create_person

        async def create(connection: Connection) -> Member:
            org = UUID(organization) if organization else await create_organization(connection, "Org")
            name = f"u{secrets.token_hex(6)}"
            person = await create_person(connection, name, organization_id=org, firstname="Jane", lastname="Doe")
            key = await self._create_key(connection, name, organization_id=org, scopes=scopes)
            return Member(str(org), str(person), name, str(key.id), key.key)

        return self.run_with_connection(create)

    def new_key(self, member: Member, *, organization: str = "", name: str = "") -> Member:
        """Return the same person with another key, bound to no organization unless one is given."""

        async def create(connection: Connection) -> Member:
            org = UUID(organization) if organization else None
            key = await self._create_key(connection, member.username, organization_id=org, name=name)
            return member._replace(key_id=str(key.id), key=key.key)

        return self.run_with_connection(create)

    async def _create_key(self, connection: Connection, username: str, scopes: str = "", **options: Any) -> Any:
        from hallmarket.server.identity.api_keys import create_key, get_secret
        from hallmarket.server.rooms import SCOPES

        secret = await get_secret(connection, str(self.settings.get("secret_key", "")))
        return await create_key(
            connection, secret, username, scopes=scopes.split(",") if scopes else SCOPES, known_scopes=SCOPES, **options
        )

    @contextmanager
    def client(self, api_key: str | None = None, **options: Any) -> Iterator[httpx.Client]:
        """Open an HTTP client with an API key: the first start's unless another is given; "" for none."""
        key = self.api_key if api_key is None else api_key
        with httpx.Client(
            base_url=self.url, headers={"x-api-key": key} if key else {}, timeout=30, trust_env=False, **options
        ) as client:
            yield client

    def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a query on the server's database and return its rows."""

        async def fetch(connection: Connection) -> list[asyncpg.Record]:
            return list(await connection.fetch(sql, *arguments))

        return self.run_with_connection(fetch)

    def run_with_connection(self, function: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run an async function with a new connection to the server's database and return its result."""

        async def run() -> Result:
            connection = await asyncpg.connect(self.postgres_url)
            try:
                return await function(connection)
            finally:
                await connection.close()

        return asyncio.run(run())


@contextmanager
def new_server(
    *, start: bool = True, on_disk: bool = False, new_interpreter: bool = False, **settings: object
) -> Iterator[Server]:
    """Run a server on a new data folder and a new database; stop it and delete both at the end, however it ended.

    It has no rate limits unless `settings` set them. With `on_disk` its data folder is on the disk even if other
    servers' are in memory, for tests of what a crash leaves behind. With `new_interpreter` it is started as a user
    starts it, and not forked from the tests' zygote; see `_support.commands`.
    """
    unlimited = {"rate_limit_key": 0, "rate_limit_address": 0, "rate_limit_failed": 0}
    parent = None if on_disk else databases.data_parent
    with tempfile.TemporaryDirectory(prefix="hallmarket-test-", dir=parent) as folder, new_database() as database_url:
        server = Server(
            Path(folder) / "data", database_url, new_interpreter=new_interpreter, **{**unlimited, **settings}
        )
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
