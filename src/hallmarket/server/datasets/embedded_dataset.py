"""A dataset that is written within a text, as rows, and made with it as its child."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.create import NewDataset, delete_table_files, insert_dataset, prepare_dataset
from hallmarket.server.datasets.finish_version import FinishedVersion
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.views import NewView, insert_view
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore


class Said(msgspec.Struct, frozen=True):
    """What a text says of a dataset within it: its rows, and a view to show them in."""

    data: list[dict[str, Any]]
    view: NewView | None = None


class DatasetEmbedder:
    """Makes datasets of what texts hold; the rows are written before the transaction that makes anything of them."""

    def __init__(self, database: Database, tables: TableStore) -> None:
        self._database = database
        self._tables = tables

    async def prepare(self, principal: Principal, data: dict[str, Any]) -> "PreparedDataset":
        """Write a dataset's rows. Raises InvalidRequest, Unavailable; then nothing is kept."""
        try:
            wanted = msgspec.convert(data, Said)
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"A dataset within a text is its data, and may have a view: {error}", "content"
            ) from None
        rows = msgspec.Raw(msgspec.json.encode(wanted.data))
        dataset_id, finished = await prepare_dataset(self._database, self._tables, principal, NewDataset(rows=rows))
        return PreparedDataset(self._tables, dataset_id, finished, wanted.view)


class PreparedDataset:
    """A dataset whose rows are written: to be made, or discarded."""

    def __init__(self, tables: TableStore, dataset_id: UUID, finished: FinishedVersion, view: NewView | None) -> None:
        self._tables = tables
        self._id = dataset_id
        self._finished = finished
        self._view = view

    async def create(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Make the dataset, its first version and its view, which is shown. Raises as `create_asset`."""
        await insert_dataset(tx, principal, fields, self._finished, self._id)
        if self._view is None:
            return self._id, {}
        view_id = await insert_view(tx, principal, self._id, self._view)
        return self._id, {"displayConfig": {"visualizationId": str(view_id)}}

    async def discard(self) -> None:
        """Clear the rows away."""
        await run_in_thread(delete_table_files, self._tables, self._id)
