"""A room is a folder and a line: everything it announces appears with the line and goes with it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from _support.package_copy import COMMAND, add_room, copy_package, server_of_copy
from _support.servers import Server
from _support.waiting import wait_until

ROOM = '''
"""A room for a test."""

from typing import Annotated

from hallmarket.server.room import Area, JobHandler, Room
from hallmarket.server.settings import Help, SettingsGroup


class ThrowAwaySettings(SettingsGroup, frozen=True, kw_only=True):
    """Its settings."""

    throw_away_words: Annotated[str, Help("what the throw-away room answers", "TEXT")] = "nothing"


class ThrowAwayRoom(Room):
    """Its announcements."""

    areas = (Area("Throw-away", "A chapter for a test.", ("/throw-away",)),)
    scopes = ("throw_away:read",)
    rate_classes = {"/throw-away/open": "unlimited"}
    settings = ThrowAwaySettings

    def routes(self, services):
        from litestar import get

        words = services.settings.of(ThrowAwaySettings).throw_away_words

        @get("/throw-away", opt={"scope": "throw_away:read"}, summary="What it says")
        async def say() -> dict[str, str]:
            return {"data": words}

        @get("/throw-away/open", summary="What it says to everybody")
        async def say_openly() -> dict[str, str]:
            return {"data": words}

        return [say, say_openly]

    def jobs(self, services):
        from hallmarket.server.database.connections import Database

        async def run(payload: bytes) -> None:
            async with services.get(Database).connection() as connection:
                await connection.execute("create table if not exists throw_away (words text)")
                await connection.execute("insert into throw_away values ($1)", payload.decode())

        async def give_up(payload: bytes, reason: str) -> None:
            return None

        return {"throw-away": JobHandler(run, give_up)}

    def metrics(self, services):
        from prometheus_client.core import GaugeMetricFamily

        async def read():
            return [GaugeMetricFamily("hallmarket_throw_away", "A gauge for a test.", 7)]

        return [read]


ROOM = ThrowAwayRoom()
'''


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one room more: a folder, and a line in the list."""
    folder = tmp_path_factory.mktemp("house")
    package = copy_package(folder)
    (package / "throw_away").mkdir()
    (package / "throw_away" / "__init__.py").touch()
    (package / "throw_away" / "room.py").write_text(ROOM)
    add_room(package, "throw_away")
    return folder


def help_text(path: Path | None) -> str:
    """`hallmarket serve --help` of the package under a path, or of the installed one."""
    environ = os.environ | ({} if path is None else {"PYTHONPATH": str(path)})
    return subprocess.run([*COMMAND, "serve", "--help"], env=environ, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def house(source: Path) -> Iterator[Server]:
    """A server with the room more, started as a process of its own from the copied package."""
    with server_of_copy(source, throw_away_words="hello") as server:
        yield server


def get(server: Server, path: str, token: str | None = None) -> httpx.Response:
    """GET a path of a server, with a token or without."""
    return httpx.get(server.url + path, headers={"authorization": token} if token else {}, trust_env=False)


def test_room_is_found_everywhere_it_announces_itself(house: Server, source: Path) -> None:
    """One line adds its routes, scope, rate class, area, setting, metric and job."""
    answer = httpx.post(house.url + "/users/get-token", json={"pat": house.api_key}, trust_env=False).json()
    assert get(house, "/throw-away", answer["token"]).json() == {"data": "hello"}
    assert get(house, "/throw-away").status_code == 401
    open_route = get(house, "/throw-away/open")
    assert open_route.json() == {"data": "hello"}
    document = get(house, "/openapi.json").json()
    operation = document["paths"]["/throw-away"]["get"]
    assert (operation["tags"], operation["x-scope"]) == (["Throw-away"], "throw_away:read")
    assert "429" in operation["responses"]
    assert "429" not in document["paths"]["/throw-away/open"]["get"]["responses"]
    assert {"name": "Throw-away", "description": "A chapter for a test."} in document["tags"]
    assert "hallmarket_throw_away 7.0" in get(house, "/metrics").text
    assert "--throw-away-words TEXT" in help_text(source)
    assert run_job(house) == '"words"'  # as JSON


def run_job(server: Server) -> str:
    """Enqueue a job of the room's kind, and return what it wrote."""

    async def enqueue(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        from hallmarket.server.jobs.enqueue import enqueue as ask

        async with connection.transaction():
            await ask(connection, "throw-away", "words")

    server.run_with_connection(enqueue)
    wait_until(lambda: bool(server.query("select to_regclass('throw_away') is not null as made")[0]["made"]))
    wait_until(lambda: bool(server.query("select * from throw_away")))
    return str(server.query("select words from throw_away")[0]["words"])


def test_without_the_line_nothing_of_it_is_left(server: Server) -> None:
    """A server without the line has none of it."""
    assert get(server, "/throw-away").status_code == 404
    document = get(server, "/openapi.json").json()
    assert not any(path.startswith("/throw-away") for path in document["paths"])
    assert "Throw-away" not in {tag["name"] for tag in document["tags"]}
    assert "hallmarket_throw_away" not in get(server, "/metrics").text
    assert "--throw-away-words" not in help_text(None)
