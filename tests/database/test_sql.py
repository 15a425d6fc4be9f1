"""The named queries: each is valid for the migrated schema, is used, and writes only its own room's tables."""

import asyncio
import re
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest

import hallmarket.server
from _support.servers import Server
from hallmarket.server.database.migrate import read_migrations
from hallmarket.server.database.sql import load_queries

SERVER = Path(str(hallmarket.server.__file__)).parent
ROOMS = sorted(path.parent.name for path in SERVER.rglob("queries.sql"))
# A migration is named after its room, except these, which keep an earlier name or are named after their subject.
OWNERS = {
    "log": "tlog",
    "people": "identity",
    "organizations": "identity",
    "discovery": "catalog",
    "answers": "idempotency",
    "exchange": "purchases",
}
WRITES = re.compile(r"(?i)\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate(?:\s+table)?)\s+(\w+)")
CREATES = re.compile(r"^create table (?:if not exists )?(\w+)", re.MULTILINE)
RENAMES = re.compile(r"^alter table (\w+) rename to (\w+)", re.MULTILINE)
USES = re.compile(r"\bsql\.(\w+)")


def queries_of(room: str) -> dict[str, str]:
    """Return a room's queries by name."""
    return load_queries(f"hallmarket.server.{room}").texts


def owners() -> dict[str, str]:
    """Return the room that owns each table, according to the migration that created it."""
    room_of = {}
    for migration in read_migrations():
        subject = migration.name.split("_", 1)[1]
        for table in CREATES.findall(migration.text):
            room_of[table] = OWNERS.get(subject, subject)
        for old, new in RENAMES.findall(migration.text):
            room_of[new] = room_of.pop(old)
    return room_of


def without_comments(text: str) -> str:
    """Remove comments, and `for update`, which only locks."""
    return re.sub(r"\bfor (?:no key )?update\b|\bdo update\b", "", re.sub(r"--.*", "", text))


def test_every_table_belongs_to_a_room() -> None:
    """Every table is owned by a room that has queries."""
    assert {"identity", "media", "tlog"} <= set(ROOMS)
    assert set(owners().values()) <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_prepares(server: Server, room: str) -> None:
    """PostgreSQL can prepare every query of the room against the migrated schema."""

    async def prepare() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            for name, text in queries_of(room).items():
                try:
                    await connection.prepare(text)
                except asyncpg.PostgresError as error:
                    raise AssertionError(f"{room}.{name}: {error}") from error
        finally:
            await connection.close()

    asyncio.run(prepare())


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_is_used_and_every_use_is_a_query(room: str) -> None:
    """The room's code uses exactly the queries in its queries.sql."""
    used: set[str] = set()
    for path in (SERVER / room).rglob("*.py"):
        used |= set(USES.findall(path.read_text()))
    assert used == set(queries_of(room))


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_owner_writes_a_table(room: str) -> None:
    """A room's queries write only the tables of its own migrations."""
    owner = owners()
    for name, text in queries_of(room).items():
        for table in WRITES.findall(without_comments(text)):
            assert owner[table.lower()] == room, f"{room}.{name} writes {table}, which {owner[table.lower()]} owns"


def test_no_code_contains_inline_writes() -> None:
    """Only named queries write tables; the migrations' own record is the exception."""
    for path in SERVER.rglob("*.py"):
        tables = {table.lower() for table in WRITES.findall(path.read_text())} & set(owners())
        assert not tables, f"{path} writes {tables}"


def test_query_text_begins_with_its_name(server: Server) -> None:
    """A query's text begins with its room and name, so the database's log and statistics identify it."""
    for room in ROOMS:
        for name, text in queries_of(room).items():
            assert text.startswith(f"-- hallmarket.server.{room}.{name}\n")
    module = import_module("hallmarket.server.identity.api_keys")
    with pytest.raises(AttributeError, match="no query is named 'nothing'"):
        _ = module.sql.nothing
