"""Update the fields of a dataset, and turn columns into references or enums."""

from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import WRITE, Access, AssetFields, WireAsset
from hallmarket.server.catalog.update import update_asset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.new_dataset import NO_METADATA, Metadata, declare_references_and_enums
from hallmarket.server.datasets.references import check_references
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import DATASET, Head
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore


class DatasetFields(AssetFields, frozen=True):
    """The fields of a request that updates a dataset. `refs` and `enum_columns` declare references and enums."""

    metadata: Metadata | UnsetType | None = UNSET
    refs: dict[str, Any] | UnsetType | None = UNSET
    enum_columns: dict[str, Any] | UnsetType | None = UNSET


class UpdateDataset(msgspec.Struct, frozen=True):
    """The body of `PUT /datasets/{id}`."""

    dataset: DatasetFields


async def update_dataset(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, fields: DatasetFields
) -> WireAsset:
    """Update a dataset's fields and columns, all or nothing.

    Raises NotFound, Forbidden, Locked, InvalidRequest for a value that is not a valid reference or enum value.
    """
    fields = await check_description(fields)
    metadata = fields.metadata or NO_METADATA
    refs, enums = fields.refs or metadata.refs, fields.enum_columns or metadata.enum_columns
    if refs or enums:
        await _change_columns(database, tables, principal, dataset_id, fields, refs or None, enums or None)
    else:
        async with database.transaction() as tx:
            access = await lock_access(tx, principal, dataset_id, WRITE, DATASET)
            await update_asset(tx, principal, access, fields)
    async with database.connection() as connection:
        return await get_asset(connection, principal, dataset_id, DATASET)


async def _change_columns(
    database: Database,
    tables: TableStore,
    principal: Principal,
    dataset_id: UUID,
    fields: DatasetFields,
    refs: dict[str, Any] | None,
    enums: dict[str, Any] | None,
) -> None:
    async def change(head: Head) -> Head:
        columns = declare_references_and_enums(head.snapshot.columns, refs, enums)
        new_references = [
            column
            for column, old in zip(columns, head.snapshot.columns, strict=True)
            if column.ref_kind and (column.ref_kind, column.asset_type) != (old.ref_kind, old.asset_type)
        ]
        # First cast the values to ids, then check that the ids refer to something.
        snapshot = await run_in_thread(
            tables.change_columns, head.snapshot, [(column, column.name) for column in columns]
        )
        for column in new_references:
            values = await run_in_thread(tables.distinct_values, snapshot, column.name)
            table = pa.table({column.name: pa.array(values, pa.string())})
            async with database.connection() as connection:
                checked = await check_references(connection, principal, [column], table)
            if checked.refs is not None:
                raise InvalidRequest(
                    f"Column {column.name} has values that refer to nothing: "
                    f"{', '.join(checked.refs['columns'][0]['missing'][:5]) or 'they have another type'}.",
                    column.name,
                )
        return head.with_snapshot(snapshot)

    async def update_fields(tx: Connection, access: Access) -> None:
        await update_asset(tx, principal, access, fields)

    await write(database, tables, principal, dataset_id, change, in_transaction=update_fields)
