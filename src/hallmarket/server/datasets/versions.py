"""Versions of a dataset: finished, numbered from 1, readable for ever."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.proof.manifest import Manifest
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.types import DATASET, Version, WireVersion, wire_version
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange import Paged, Window, page_of
from hallmarket.server.principal import Principal
from hallmarket.server.tables.types import Column, DataFile, Snapshot

sql = load_queries(__package__)


async def get_version(
    connection: Connection, principal: Principal, dataset_id: UUID, number: int | None = None, needed: int = READ
) -> Version:
    """A finished version, the newest without a number, for a caller who may do what is `needed` to the dataset.

    Raises NotFound, Locked where it must be bought before it is read, Forbidden.
    """
    await get_access(connection, principal, dataset_id, needed, DATASET)
    return read_version(await get_version_row(connection, dataset_id, number))


async def get_version_row(connection: Connection, dataset_id: UUID, number: int | None = None) -> asyncpg.Record:
    """A version's row, the newest without a number. Raises NotFound. Who asks has been seen to."""
    row = await connection.fetchrow(sql.find_version, dataset_id, number)
    if row is None:
        raise NotFound("There is no such version of this dataset.")
    return row


def read_version(row: asyncpg.Record) -> Version:
    """A version from its row."""
    return Version(row["id"], row["dataset_id"], row["number"], read_snapshot(row), row["key"], row["created_on"])


def read_snapshot(row: asyncpg.Record) -> Snapshot:
    """The table as it was in a version, out of its manifest."""
    manifest = msgspec.json.decode(row["manifest"], type=Manifest)
    files = tuple(DataFile(file.name, file.size, file.rows, file.sha3_512) for file in manifest.files)
    columns = msgspec.convert(msgspec.to_builtins(manifest.columns), tuple[Column, ...])
    return Snapshot(row["dataset_id"], columns, files, row["delta_version"])


async def list_versions(
    database: Database, principal: Principal, dataset_id: UUID, window: Window
) -> Paged[WireVersion]:
    """The versions of a dataset, newest first. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        rows = await connection.fetch(sql.list_versions, dataset_id, window.offset, window.limit + 1, None)
    return page_of(window, rows, wire_version)


async def get_wire_version(database: Database, principal: Principal, dataset_id: UUID, number: int) -> WireVersion:
    """One version. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        rows = await connection.fetch(sql.list_versions, dataset_id, 0, 1, number)
    if not rows:
        raise NotFound("There is no such version of this dataset.")
    return wire_version(rows[0])


async def get_manifest(database: Database, principal: Principal, dataset_id: UUID, number: int) -> str:
    """A version's manifest, to the byte: whose SHA3-512 is anchored. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        return str((await get_version_row(connection, dataset_id, number))["manifest"])
