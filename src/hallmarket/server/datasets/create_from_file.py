"""Create a dataset from a table file (CSV, Parquet, JSON, NDJSON or Excel), uploaded now or a file asset."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec
import pyarrow as pa
from msgspec import UNSET

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.create import create_dataset_from_batches
from hallmarket.server.datasets.new_dataset import NewDataset, declare_references_and_enums
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import CreatedDataset
from hallmarket.server.errors import InvalidRequest, NotFound, PayloadTooLarge, Unavailable
from hallmarket.server.principal import Principal
from hallmarket.server.tables.coerce_values import verify_enum
from hallmarket.server.tables.read_upload import read_upload
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column
from hallmarket.server.tables.uploaded_table import UploadedTable

sql = load_queries(__package__)


class TableFiles(msgspec.Struct, frozen=True):
    """Where table files come from and go: the blobs of file assets, and the folder for files that are being read."""

    blobs: BlobStore
    scratch: Path
    max_bytes: int


class TableFile:
    """A table file on disk while a dataset is made of it."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool
        self.path = Path(spool.name)

    async def write(self, chunks: AsyncIterator[bytes]) -> None:
        """Write the file. Raises Unavailable if the disk is full, and what `chunks` raises."""
        try:
            async for chunk in chunks:
                await run_in_thread(self._spool.write, chunk)
            await run_in_thread(self._spool.flush)
        except OSError as error:
            raise Unavailable("There is no space for this file at the moment. Try again.") from error


@asynccontextmanager
async def new_table_file(files: TableFiles) -> AsyncIterator[TableFile]:
    """Make an empty table file, and delete it at the end."""
    with tempfile.NamedTemporaryFile(dir=files.scratch, prefix="table-") as spool:
        yield TableFile(spool)


async def create_from_file_asset(
    database: Database, tables: TableStore, files: TableFiles, principal: Principal, file_id: UUID, request: NewDataset
) -> CreatedDataset:
    """Create a dataset from a file asset. Raises as `create_from_file`, and NotFound, Locked, PayloadTooLarge."""
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, READ, "file")
        row = await connection.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    if row["size"] > files.max_bytes:
        raise PayloadTooLarge(f"The file of a dataset may have at most {files.max_bytes} bytes.")
    async with new_table_file(files) as file:
        if row["size"]:
            await file.write(files.blobs.read(row["blob_id"], 0, row["size"] - 1))
        return await create_from_file(database, tables, principal, request, file.path, str(row["file_name"]))


async def create_from_file(
    database: Database, tables: TableStore, principal: Principal, request: NewDataset, path: Path, file_name: str
) -> CreatedDataset:
    """Create a dataset with the columns and rows of a table file.

    Raises InvalidRequest with the line that cannot be read, Forbidden, Conflict, Unavailable; then nothing is stored.
    """
    if request.refs:
        raise InvalidRequest("Declare references with PUT after the dataset is created.", "refs")
    if request.name is UNSET:
        request = msgspec.structs.replace(request, name=Path(file_name or "dataset").stem)
    upload = await run_in_thread(read_upload, path, file_name)
    columns = declare_references_and_enums(upload.columns, None, request.enum_columns)
    return await create_dataset_from_batches(
        database, tables, principal, request, columns, lambda: _verified_batches(upload, columns)
    )


def _verified_batches(upload: UploadedTable, columns: tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows, and check the values of enum columns. Raises InvalidRequest."""
    enums = [(position, column) for position, column in enumerate(columns) if column.enum_values is not None]
    row = 1
    for batch in upload.batches():
        for position, column in enums:
            if not pa.types.is_string(batch.column(position).type):
                raise InvalidRequest(f"The enum column {column.name} has values that are not text.", column.name)
            verify_enum(column, batch.column(position), row)
        row += batch.num_rows
        yield batch
