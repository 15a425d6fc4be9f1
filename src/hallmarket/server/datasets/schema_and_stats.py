"""What a dataset is: its columns and its size, for whoever may see it listed."""

from uuid import UUID

from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.types import SCHEMA, TABLE, WireColumn, WireStats, wire_column
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.principal import Principal


async def get_schema(
    database: Database, principal: Principal, dataset_id: UUID, number: int | None = None
) -> list[WireColumn]:
    """The columns of a version, the newest without a number, in order. Raises NotFound."""
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, number, LISTED)
    return [wire_column(column, version.key) for column in version.snapshot.columns]


async def get_stats(database: Database, principal: Principal, dataset_id: UUID, number: int | None = None) -> WireStats:
    """How much there is in a version, the newest without a number. Raises NotFound."""
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
