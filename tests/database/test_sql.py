"""The named queries: each is valid SQL for the migrated schema, used, and writes only its own room's tables."""

import asyncio
import re
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest

import hallmarket.server
from hallmarket.server.database.migrate import read_migrations
from hallmarket.server.database.sql import load_queries
from support import Server

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
    """A room's queries by name."""
    return load_queries(f"hallmarket.server.{room}").texts


def owners() -> dict[str, str]:
    """The room that owns each table, by the migration that makes it."""
    found = {}
    for migration in read_migrations():
        subject = migration.name.split("_", 1)[1]
        for table in CREATES.findall(migration.text):
            found[table] = OWNERS.get(subject, subject)
        for old, new in RENAMES.findall(migration.text):
            found[new] = found.pop(old)
    return found


def without_comments(text: str) -> str:
    """SQL without its comments and without `for update`, which locks and writes nothing."""
    return re.sub(r"\bfor (?:no key )?update\b|\bdo update\b", "", re.sub(r"--.*", "", text))


def test_every_room_is_known() -> None:
    """The rooms with queries are rooms, and together they own every table."""
    assert {"identity", "media", "tlog"} <= set(ROOMS)
    assert set(owners().values()) <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_prepares(server: Server, room: str) -> None:
    """Every query of the room is accepted by PostgreSQL for the schema as it is."""

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
    """The room's code and its queries.sql name the same queries."""
    used: set[str] = set()
    for path in (SERVER / room).rglob("*.py"):
        used |= set(USES.findall(path.read_text()))
    assert used == set(queries_of(room))


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_owner_writes_a_table(room: str) -> None:
    """A room's queries write the tables of its own migrations, and no others."""
    owner = owners()
    for name, text in queries_of(room).items():
        for table in WRITES.findall(without_comments(text)):
            assert owner[table.lower()] == room, f"{room}.{name} writes {table}, which {owner[table.lower()]} owns"


def test_no_code_writes_sql_of_its_own() -> None:
    """Tables are written by named queries only; migrations keep their own record."""
    for path in SERVER.rglob("*.py"):
        tables = {table.lower() for table in WRITES.findall(path.read_text())} & set(owners())
        assert not tables, f"{path} writes {tables}"


def test_names_ride_along_for_the_database(server: Server) -> None:
    """A query's text begins with its room and name, which is how the database's own log and statistics tell it."""
    for room in ROOMS:
        for name, text in queries_of(room).items():
            assert text.startswith(f"-- hallmarket.server.{room}.{name}\n")
    module = import_module("hallmarket.server.identity.keys")
    with pytest.raises(AttributeError, match="no query is named 'nothing'"):
        _ = module.sql.nothing
