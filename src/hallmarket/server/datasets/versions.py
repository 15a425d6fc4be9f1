"""The finished versions of a dataset, numbered from 1."""

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
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.tables.types import Column, DataFile, Snapshot

sql = load_queries(__package__)


async def get_version(
    connection: Connection, principal: Principal, dataset_id: UUID, number: int | None = None, required_role: int = READ
) -> Version:
    """Return a finished version, the newest if `number` is None, if the principal has the required role.

    Raises NotFound, Locked if the dataset must be bought first, Forbidden.
    """
    await get_access(connection, principal, dataset_id, required_role, DATASET)
    return read_version(await get_version_row(connection, dataset_id, number))


async def get_version_row(connection: Connection, dataset_id: UUID, number: int | None = None) -> asyncpg.Record:
    """Return a version's row, the newest if `number` is None. The caller has checked access. Raises NotFound."""
    row = await connection.fetchrow(sql.find_version, dataset_id, number)
    if row is None:
        raise NotFound("There is no such version of this dataset.")
    return row


def read_version(row: asyncpg.Record) -> Version:
    """Read a version from its row."""
    return Version(row["id"], row["dataset_id"], row["number"], read_snapshot(row), row["key"], row["created_on"])


def read_snapshot(row: asyncpg.Record) -> Snapshot:
    """Read the snapshot of the table from the manifest in a version's row."""
    manifest = msgspec.json.decode(row["manifest"], type=Manifest)
    files = tuple(DataFile(file.name, file.size, file.rows, file.sha3_512) for file in manifest.files)
    columns = msgspec.convert(msgspec.to_builtins(manifest.columns), tuple[Column, ...])
    return Snapshot(row["dataset_id"], columns, files, row["delta_version"])


async def list_versions(
    database: Database, principal: Principal, dataset_id: UUID, window: Window
) -> Page[WireVersion]:
    """Return the versions of a dataset, newest first. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        rows = await connection.fetch(sql.list_versions, dataset_id, window.offset, window.limit + 1, None)
    return make_page(window, rows, wire_version)


async def get_wire_version(database: Database, principal: Principal, dataset_id: UUID, number: int) -> WireVersion:
    """Return one version as the API shows it. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        rows = await connection.fetch(sql.list_versions, dataset_id, 0, 1, number)
    if not rows:
        raise NotFound("There is no such version of this dataset.")
    return wire_version(rows[0])


async def get_manifest(database: Database, principal: Principal, dataset_id: UUID, number: int) -> str:
    """Return a version's manifest exactly as it was anchored. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        return str((await get_version_row(connection, dataset_id, number))["manifest"])
