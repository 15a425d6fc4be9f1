"""Forward-only migrations: apply each file of `migrations/` once, in order, under an advisory lock."""

from importlib.resources import files

import asyncpg

from hallmarket.server.errors import Refusal

LOCK_ID = 0x68616C6C  # "hall": the advisory lock for migrations, shared by all servers on one database
MIN_POSTGRES_VERSION = 15


class Migration:
    """One migration file, named `NNNN_name.sql`."""

    def __init__(self, filename: str, text: str) -> None:
        self.version = int(filename.split("_", 1)[0])
        self.name = filename.removesuffix(".sql")
        self.text = text


def read_migrations() -> list[Migration]:
    """Return all migrations of this release, oldest first."""
    folder = files("hallmarket.server") / "migrations"
    migrations = [
        Migration(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")
    ]
    return sorted(migrations, key=lambda migration: migration.version)


async def migrate(url: str) -> list[str]:
    """Migrate the database at `url` to this release's schema. Returns the names of the migrations applied.

    Raises Refusal if the database is older than PostgreSQL 15 or its schema is newer than this release.
    """
    connection = await asyncpg.connect(url)
    try:
        if connection.get_server_version().major < MIN_POSTGRES_VERSION:
            raise Refusal(
                f"Hallmarket needs PostgreSQL {MIN_POSTGRES_VERSION} or newer, but this server is older. Upgrade it."
            )
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", LOCK_ID)
            return await _apply(connection, read_migrations())
    finally:
        await connection.close()


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migrations: list[Migration]) -> list[str]:
    await connection.execute(
        "create table if not exists schema_migration"
        " (version integer primary key, name text not null, applied_on timestamptz not null default now())"
    )
    applied_versions = {row["version"] for row in await connection.fetch("select version from schema_migration")}
    newest = max((migration.version for migration in migrations), default=0)
    if applied_versions and max(applied_versions) > newest:
        raise Refusal(
            f"This data was written by a newer Hallmarket (schema {max(applied_versions)}; this release knows "
            f"{newest}). Install that release or a later one. Nothing was changed."
        )
    applied = []
    for migration in migrations:
        if migration.version not in applied_versions:
            await connection.execute(migration.text)
            await connection.execute(
                "insert into schema_migration (version, name) values ($1, $2)", migration.version, migration.name
            )
            applied.append(migration.name)
    return applied
