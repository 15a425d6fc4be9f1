"""Migrations: forward only, each once, all or none, and never over a newer schema."""

import asyncio

import asyncpg
import pytest

from hallmarket.server.database.migrate import migrate, read_migrations
from hallmarket.server.errors import Refusal
from starts import refusal_of_start
from support import new_server

NAMES = [migration.name for migration in read_migrations()]


def fetch(url: str, sql: str) -> list[asyncpg.Record]:
    """Rows from the database at `url`."""

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
    """The names of the tables in the database at `url`."""
    return {row[0] for row in fetch(url, "select tablename from pg_tables where schemaname = 'public'")}


def test_files_are_numbered_without_a_gap() -> None:
    """Migrations are numbered 1, 2, 3 and so on, each number once."""
    assert [migration.version for migration in read_migrations()] == list(range(1, len(NAMES) + 1))
    assert all(migration.name.startswith(f"{migration.version:04}_") for migration in read_migrations())


def test_empty_database_gets_everything_once(empty_database: str) -> None:
    """An empty database gets every migration, in order; a second run finds nothing to do."""
    assert asyncio.run(migrate(empty_database)) == NAMES
    assert {"organization", "log_queue", "media"} <= tables(empty_database)
    before = fetch(empty_database, "select version, name, applied_on from schema_migration order by version")
    assert [row["name"] for row in before] == NAMES
    assert asyncio.run(migrate(empty_database)) == []
    assert fetch(empty_database, "select version, name, applied_on from schema_migration order by version") == before


def test_older_schema_is_brought_forward(empty_database: str) -> None:
    """A database that has the first migrations gets the others, and keeps what it holds."""
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
    """Organizations made before there were slugs get them by name: the first the plain one, namesakes their own."""
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
    """Organizations made before there were teams get their default team, with everybody who was in them."""
    first = read_migrations()[0]
    org, boss, member = (f"00000000-0000-0000-0000-{number:012}" for number in (1, 2, 3))
    execute(
        empty_database,
        "create table schema_migration (version integer primary key, name text not null, applied_on timestamptz)",
        first.text,
        f"insert into schema_migration values (1, '{first.name}', now())",
        f"insert into organization (id, name) values ('{org}', 'Old')",
        f"insert into person (id, username) values ('{boss}', 'boss'), ('{member}', 'member')",
        "insert into membership (organization_id, person_id, role)"
        f" values ('{org}', '{boss}', 'admin'), ('{org}', '{member}', 'member')",
    )
    asyncio.run(migrate(empty_database))
    rows = fetch(
        empty_database,
        "select t.name, i.role from team t join team_member i on i.team_id = t.id where t.is_default"
        " order by i.person_id",
    )
    assert [tuple(row) for row in rows] == [("general", "admin"), ("general", "write")]


def test_several_servers_at_once_apply_each_once(empty_database: str) -> None:
    """Of several that migrate one database at once, one does it all and the others find it done."""

    async def all_at_once() -> list[list[str]]:
        return list(await asyncio.gather(*(migrate(empty_database) for _ in range(6))))

    applied = asyncio.run(all_at_once())
    assert sorted(applied) == [[]] * 5 + [NAMES]


def test_migration_that_fails_leaves_nothing(empty_database: str) -> None:
    """A migration that cannot be applied takes back those before it: all or none."""
    execute(empty_database, "create table media (mine text)")
    with pytest.raises(asyncpg.DuplicateTableError):
        asyncio.run(migrate(empty_database))
    assert tables(empty_database) == {"media"}


def test_newer_schema_is_refused(empty_database: str) -> None:
    """A database of a newer release is refused, with both schema numbers, and not touched."""
    asyncio.run(migrate(empty_database))
    execute(empty_database, "insert into schema_migration (version, name) values (9999, '9999_later')")
    before = tables(empty_database)
    with pytest.raises(Refusal, match=f"schema 9999; this release knows {len(NAMES)}"):
        asyncio.run(migrate(empty_database))
    assert tables(empty_database) == before


def test_folder_of_a_newer_schema_is_refused() -> None:
    """Server and administration refuse a folder of a newer release in words, and leave no PostgreSQL running."""
    with new_server() as server:
        server.query("insert into schema_migration (version, name) values (9999, '9999_later')")
        server.stop()
        for words in (refusal_of_start(server), server.run_admin("list-keys").stderr):
            assert "written by a newer Hallmarket (schema 9999" in words
            assert "nothing was changed" in words
        if not server.database_url:
            assert not (server.data / "postgres" / "cluster" / "postmaster.pid").exists()


def test_database_that_does_not_answer_is_refused() -> None:
    """A URL that leads nowhere is refused in words, and names the setting, not the password."""
    with new_server(start=False) as stopped:
        stopped.database_url = "postgresql://somebody:hunter2@127.0.0.1:1/nothing"
        words = refusal_of_start(stopped)
        assert words.startswith("The database does not answer")
        assert "HALLMARKET_DATABASE_URL" in words
        assert "hunter2" not in words
        stopped.database_url = ""
