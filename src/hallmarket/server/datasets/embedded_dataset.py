"""A dataset embedded in a post as rows, and created with the post as its child."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.create import delete_table, insert_dataset, prepare_dataset
from hallmarket.server.datasets.finish_version import FinishedVersion
from hallmarket.server.datasets.new_dataset import NewDataset
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.views import NewView, insert_view
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore


class EmbeddedDataset(msgspec.Struct, frozen=True):
    """The data of an embedded dataset: its rows, and a view that shows them."""

    data: list[dict[str, Any]]
    view: NewView | None = None


class DatasetEmbedder:
    """Creates datasets embedded in posts. Rows are written before the transaction that creates the dataset."""

    def __init__(self, database: Database, tables: TableStore) -> None:
        self._database = database
        self._tables = tables

    async def prepare(self, principal: Principal, data: dict[str, Any]) -> "PreparedDataset":
        """Write an embedded dataset's rows. Raises InvalidRequest, Unavailable; then nothing is stored."""
        try:
            embedded = msgspec.convert(data, EmbeddedDataset)
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"An embedded dataset must have data, and may have a view: {error}", "content"
            ) from None
        rows = msgspec.Raw(msgspec.json.encode(embedded.data))
        dataset_id, finished = await prepare_dataset(self._database, self._tables, principal, NewDataset(rows=rows))
        return PreparedDataset(self._tables, dataset_id, finished, embedded.view)


class PreparedDataset:
    """An embedded dataset whose rows are written: to be created, or discarded."""

    def __init__(self, tables: TableStore, dataset_id: UUID, finished: FinishedVersion, view: NewView | None) -> None:
        self._tables = tables
        self._id = dataset_id
        self._finished = finished
        self._view = view

    async def create(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Create the dataset, its first version and its view. Raises as `create_asset`."""
        await insert_dataset(tx, principal, fields, self._finished, self._id)
        if self._view is None:
            return self._id, {}
        view_id = await insert_view(tx, principal, self._id, self._view)
        return self._id, {"displayConfig": {"visualizationId": str(view_id)}}

    async def discard(self) -> None:
        """Delete the rows."""
        await run_in_thread(delete_table, self._tables, self._id)
