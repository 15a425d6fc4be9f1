"""Create a dataset from an uploaded file: CSV, Parquet, JSON, NDJSON or Excel."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import UNSET

from hallmarket.server.database.pool import Database
from hallmarket.server.datasets.create import NewDataset, create_from_batches, promote
from hallmarket.server.datasets.types import Created
from hallmarket.server.errors import InvalidRequest, Unavailable
from hallmarket.server.http.visit import Visit
from hallmarket.server.media.receive import UploadForm
from hallmarket.server.tables.coerce import check_enum
from hallmarket.server.tables.read_upload import Upload, read_upload
from hallmarket.server.tables.store import Tables
from hallmarket.server.tables.types import Column

FIELD = "dataset"
_read_fields = msgspec.json.Decoder(NewDataset).decode


async def create_from_file(database: Database, tables: Tables, visit: Visit, scratch: Path, most_bytes: int) -> Created:
    """Create a dataset of a form's `file`; `dataset` beside it is JSON that says what else it is.

    Its columns are those of the file. Raises InvalidRequest naming the line that cannot be read, PayloadTooLarge,
    Forbidden, Conflict, Unavailable; then nothing is left.
    """
    form = UploadForm(visit, most_bytes, (FIELD,))
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="table-") as spool:
        found = False
        async for file in form.files():
            found = True
            try:
                async for piece in file.pieces:
                    await asyncio.to_thread(spool.write, piece)
                await asyncio.to_thread(spool.flush)
            except OSError as error:
                raise Unavailable("There is no room for this file at the moment. Try again.") from error
        if not found:
            raise InvalidRequest("file is missing.", "file")
        wanted = _read(form.fields.get(FIELD, "{}"))
        if wanted.name is UNSET:
            wanted = msgspec.structs.replace(wanted, name=Path(form.filename or "dataset").stem)
        path = Path(spool.name)
        upload = await asyncio.to_thread(read_upload, path, form.filename or "")
        columns = promote(upload.columns, None, wanted.enum_columns)
        if wanted.refs:
            raise InvalidRequest("References are declared once the dataset is there, by PUT.", "refs")
        return await create_from_batches(database, tables, visit, wanted, columns, lambda: _batches(upload, columns))


def _batches(upload: Upload, columns: tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
    """The file's rows, held to the enums that were declared beside it."""
    enums = [(place, column) for place, column in enumerate(columns) if column.enum_values is not None]
    row = 1
    for batch in upload.batches():
        for place, column in enums:
            if not pa.types.is_string(batch.column(place).type):
                raise InvalidRequest(f"The enum column {column.name} has values that are no texts.", column.name)
            check_enum(column, batch.column(place), row)
        row += batch.num_rows
        yield batch


def _read(text: str) -> NewDataset:
    try:
        return _read_fields(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"{FIELD} must be a JSON object of the dataset's fields: {error}.", FIELD) from None
