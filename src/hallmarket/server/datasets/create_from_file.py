"""Create a dataset from a file, sent or here already: CSV, Parquet, JSON, NDJSON or Excel."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar
from uuid import UUID

import msgspec
import pyarrow as pa
from msgspec import UNSET

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.create import NewDataset, create_from_batches, promote
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import CreatedDataset
from hallmarket.server.datasets.versions import sql
from hallmarket.server.errors import InvalidRequest, NotFound, PayloadTooLarge, Unavailable
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.principal import Principal
from hallmarket.server.tables.coerce_values import verify_enum
from hallmarket.server.tables.read_upload import read_upload
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column
from hallmarket.server.tables.uploaded_table import UploadedTable

FIELD = "dataset"
Said = TypeVar("Said")
_read_fields = msgspec.json.Decoder(NewDataset).decode


class FromFile(msgspec.Struct, frozen=True):
    """A file that is here already, and what the dataset is to be; a JSON body in place of a form."""

    file_id: UUID
    dataset: NewDataset = NewDataset()


_read_said = msgspec.json.Decoder(FromFile).decode


class ImportFiles(msgspec.Struct, frozen=True):
    """Where files come from: the bytes that are kept, a folder for those that come, and how many may come."""

    blobs: BlobStore
    scratch: Path
    max_bytes: int


async def create_from_file_asset(
    database: Database, tables: TableStore, uploads: ImportFiles, principal: Principal, body: bytes
) -> CreatedDataset:
    """Create a dataset of a file asset, which the JSON `body` names.

    Raises as `create_from_form`, and NotFound and Locked for the file.
    """
    said = _read(_read_said, body)
    with tempfile.NamedTemporaryFile(dir=uploads.scratch, prefix="table-") as spool:
        name = await _fetch(database, uploads, principal, said.file_id, spool)
        return await _create(database, tables, principal, said.dataset, Path(spool.name), name)


async def create_from_form(
    database: Database, tables: TableStore, uploads: ImportFiles, principal: Principal, form: UploadForm
) -> CreatedDataset:
    """Create a dataset of a form's `file`, with JSON beside it in `dataset`. Its columns are those of the file.

    Raises InvalidRequest naming the line that cannot be read, PayloadTooLarge, Forbidden, Conflict, Unavailable; then
    nothing is left.
    """
    with tempfile.NamedTemporaryFile(dir=uploads.scratch, prefix="table-") as spool:
        found = False
        async for file in form.files():
            found = True
            await _spool(file.pieces, spool)
        if not found:
            raise InvalidRequest("file is missing.", "file")
        wanted = _read(_read_fields, form.fields.get(FIELD, "{}").encode())
        return await _create(database, tables, principal, wanted, Path(spool.name), form.filename or "")


async def _fetch(
    database: Database, uploads: ImportFiles, principal: Principal, file_id: UUID, spool: IO[bytes]
) -> str:
    """A file asset's bytes, copied; returns what it is called. Raises NotFound, Locked, PayloadTooLarge."""
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, READ, "file")
        row = await connection.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    if row["size"] > uploads.max_bytes:
        raise PayloadTooLarge(f"A dataset can be made of at most {uploads.max_bytes} bytes.")
    if row["size"]:
        await _spool(uploads.blobs.read(row["blob_id"], 0, row["size"] - 1), spool)
    return str(row["file_name"])


async def _spool(pieces: AsyncIterator[bytes], spool: IO[bytes]) -> None:
    try:
        async for piece in pieces:
            await run_in_thread(spool.write, piece)
        await run_in_thread(spool.flush)
    except OSError as error:
        raise Unavailable("There is no room for this file at the moment. Try again.") from error


async def _create(
    database: Database, tables: TableStore, principal: Principal, wanted: NewDataset, path: Path, name: str
) -> CreatedDataset:
    if wanted.refs:
        raise InvalidRequest("References are declared once the dataset is there, by PUT.", "refs")
    if wanted.name is UNSET:
        wanted = msgspec.structs.replace(wanted, name=Path(name or "dataset").stem)
    upload = await run_in_thread(read_upload, path, name)
    columns = promote(upload.columns, None, wanted.enum_columns)
    return await create_from_batches(database, tables, principal, wanted, columns, lambda: _batches(upload, columns))


def _batches(upload: UploadedTable, columns: tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
    """The file's rows, held to the enums that were declared beside it."""
    enums = [(place, column) for place, column in enumerate(columns) if column.enum_values is not None]
    row = 1
    for batch in upload.batches():
        for place, column in enums:
            if not pa.types.is_string(batch.column(place).type):
                raise InvalidRequest(f"The enum column {column.name} has values that are no texts.", column.name)
            verify_enum(column, batch.column(place), row)
        row += batch.num_rows
        yield batch


def _read(decode: Callable[[bytes], Said], body: bytes) -> Said:
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"{FIELD} must be a JSON object of the dataset's fields: {error}.", FIELD) from None
