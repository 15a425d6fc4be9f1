"""Get the columns and the size of a dataset version. Both are part of the listing."""

from uuid import UUID

from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.types import SCHEMA, TABLE, WireColumn, WireStats, wire_column
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.principal import Principal


async def get_schema(
    database: Database, principal: Principal, dataset_id: UUID, number: int | None = None
) -> list[WireColumn]:
    """Return the columns of a version in order; the newest version if `number` is None. Raises NotFound."""
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, number, LISTED)
    return [wire_column(column, version.key) for column in version.snapshot.columns]


async def get_stats(database: Database, principal: Principal, dataset_id: UUID, number: int | None = None) -> WireStats:
    """Return the size of a version; the newest version if `number` is None. Raises NotFound."""
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, number, LISTED)
    snapshot = version.snapshot
    return WireStats(
        count=snapshot.rows,
        column_count=len(snapshot.columns),
        is_estimate=False,
        columns=[column.name for column in snapshot.columns],
        table_name=TABLE,
        schema=SCHEMA,
        size_bytes=snapshot.size_bytes,
        table_size=snapshot.size_bytes,
        version=version.number,
    )
