"""Migrations: forward only, each applied once, all or none, and never on a newer schema."""

import asyncio

import asyncpg
import pytest

from _support.servers import new_server
from _support.startup import get_start_error
from hallmarket.server.database.migrate import migrate, read_migrations
from hallmarket.server.errors import Refusal

NAMES = [migration.name for migration in read_migrations()]


def fetch(url: str, sql: str) -> list[asyncpg.Record]:
    """Fetch rows from the database at `url`."""

    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(run())


def execute(url: str, *statements: str) -> None:
    """Run statements on the database at `url`."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def tables(url: str) -> set[str]:
    """Return the names of the tables in the database at `url`."""
    return {row[0] for row in fetch(url, "select tablename from pg_tables where schemaname = 'public'")}


def test_files_are_numbered_without_a_gap() -> None:
    """Migrations are numbered 1, 2, 3, … and each number is used once."""
    assert [migration.version for migration in read_migrations()] == list(range(1, len(NAMES) + 1))
    assert all(migration.name.startswith(f"{migration.version:04}_") for migration in read_migrations())


def test_empty_database_gets_every_migration_once(empty_database: str) -> None:
    """An empty database gets every migration in order, and a second run applies none."""
    assert asyncio.run(migrate(empty_database)) == NAMES
    assert {"organization", "log_queue", "media"} <= tables(empty_database)
    before = fetch(empty_database, "select version, name, applied_on from schema_migration order by version")
    assert [row["name"] for row in before] == NAMES
    assert asyncio.run(migrate(empty_database)) == []
    assert fetch(empty_database, "select version, name, applied_on from schema_migration order by version") == before


def test_older_schema_is_upgraded(empty_database: str) -> None:
    """A database with only the first migration gets the others, and keeps its rows."""
    first = read_migrations()[0]
    execute(
        empty_database,
        "create table schema_migration (version integer primary key, name text not null, applied_on timestamptz)",
        first.text,
        f"insert into schema_migration values (1, '{first.name}', now())",
        "insert into organization (id, name) values (gen_random_uuid(), 'Old')",
    )
    assert asyncio.run(migrate(empty_database)) == NAMES[1:]
    assert [row["name"] for row in fetch(empty_database, "select name from organization")] == ["Old"]


def test_older_organizations_get_slugs(empty_database: str) -> None:
    """Organizations older than slugs get one from their name: the first gets it plain, later ones with a suffix."""
    first = read_migrations()[0]
    names = ["The Gazette", "the gazette!", "The  Gazette", "All", "新聞", "Größe & Söhne", "x" * 5000]
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(1, len(names) + 1)]
    execute(
        empty_database,
        "create table schema_migration (version integer primary key, name text not null, applied_on timestamptz)",
        first.text,
        f"insert into schema_migration values (1, '{first.name}', now())",
        *[f"insert into organization (id, name) values ('{ids[n]}', '{name}')" for n, name in enumerate(names)],
    )
    asyncio.run(migrate(empty_database))
    assert [row["slug"] for row in fetch(empty_database, "select slug from organization order by id")] == [
        "the-gazette",
        "the-gazette-000000000002",
        "the-gazette-000000000003",
        "org",
        "org-000000000005",
        "gr-e-s-hne",
        "x" * 60,
    ]


def test_older_organizations_get_default_teams(empty_database: str) -> None:
    """Organizations older than teams get a default team that contains all their members."""
    first = read_migrations()[0]
    org, admin, member = (f"00000000-0000-0000-0000-{number:012}" for number in (1, 2, 3))
    execute(
        empty_database,
        "create table schema_migration (version integer primary key, name text not null, applied_on timestamptz)",
        first.text,
        f"insert into schema_migration values (1, '{first.name}', now())",
        f"insert into organization (id, name) values ('{org}', 'Old')",
        f"insert into person (id, username) values ('{admin}', 'boss'), ('{member}', 'member')",
        "insert into membership (organization_id, person_id, role)"
        f" values ('{org}', '{admin}', 'admin'), ('{org}', '{member}', 'member')",
    )
    asyncio.run(migrate(empty_database))
    rows = fetch(
        empty_database,
        "select t.name, i.role from team t join team_member i on i.team_id = t.id where t.is_default"
        " order by i.person_id",
    )
    assert [tuple(row) for row in rows] == [("general", "admin"), ("general", "write")]


def test_concurrent_servers_apply_each_migration_once(empty_database: str) -> None:
    """When several servers migrate a database at the same time, one applies everything and the others nothing."""

    async def all_at_once() -> list[list[str]]:
        return list(await asyncio.gather(*(migrate(empty_database) for _ in range(6))))

    applied = asyncio.run(all_at_once())
    assert sorted(applied) == [[]] * 5 + [NAMES]


def test_failed_migration_rolls_back_everything(empty_database: str) -> None:
    """A migration that fails rolls back the migrations before it."""
    execute(empty_database, "create table media (unrelated text)")
    with pytest.raises(asyncpg.DuplicateTableError):
        asyncio.run(migrate(empty_database))
    assert tables(empty_database) == {"media"}


def test_newer_schema_is_refused(empty_database: str) -> None:
    """A database of a newer release is refused with both schema numbers, and is not changed."""
    asyncio.run(migrate(empty_database))
    execute(empty_database, "insert into schema_migration (version, name) values (9999, '9999_later')")
    before = tables(empty_database)
    with pytest.raises(Refusal, match=f"schema 9999; this release knows {len(NAMES)}"):
        asyncio.run(migrate(empty_database))
    assert tables(empty_database) == before


def test_folder_of_a_newer_schema_is_refused() -> None:
    """The server and the admin commands refuse a newer release's folder, and leave no PostgreSQL running."""
    with new_server() as server:
        server.query("insert into schema_migration (version, name) values (9999, '9999_later')")
        server.stop()
        for message in (get_start_error(server), server.run_admin("list-keys").stderr):
            assert "written by a newer Hallmarket (schema 9999" in message
            assert "Nothing was changed" in message
        if not server.database_url:
            assert not (server.data / "postgres" / "cluster" / "postmaster.pid").exists()


def test_unreachable_database_is_refused() -> None:
    """A URL without a database is refused; the message names the setting and does not contain the password."""
    with new_server(start=False) as stopped:
        stopped.database_url = "postgresql://user:hunter2@127.0.0.1:1/nothing"
        message = get_start_error(stopped)
        assert message.startswith("The database does not answer")
        assert "HALLMARKET_DATABASE_URL" in message
        assert "hunter2" not in message
        stopped.database_url = ""
