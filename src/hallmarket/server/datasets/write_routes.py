"""HTTP routes that create datasets and write rows."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.create import create_dataset
from hallmarket.server.datasets.create_from_file import (
    TableFiles,
    create_from_file,
    create_from_file_asset,
    new_table_file,
)
from hallmarket.server.datasets.ingest_rows import ingest_rows, read_ingest_request
from hallmarket.server.datasets.new_dataset import NewDataset, read_new_dataset
from hallmarket.server.datasets.types import CreatedDataset, IngestWarning, RowIngest
from hallmarket.server.errors import Conflict, InvalidRequest, Locked, NotFound, PayloadTooLarge
from hallmarket.server.http.body import MAX_BODY_BYTES, decompressed_chunks, read_body
from hallmarket.server.http.parameters import read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
WRITE = {"scope": "assets:write"}
DATASET_FIELD = "dataset"  # of the form
ROWS_SCHEMA = {"type": "array", "items": {"type": "object"}, "description": "One object for each row."}
CREATE: dict[str, Any] = WRITE | {
    "body": {
        "application/json": {
            "type": "object",
            "properties": {
                "dataset": {
                    "type": "object",
                    "description": "The fields of an asset, and those listed here.",
                    "properties": {
                        "name": {"type": "string", "maxLength": 1024},
                        "description": {"type": "string"},
                        "visibility": {
                            "type": "string",
                            "enum": ["public", "private", "organization", "monetized", "inherit"],
                        },
                        "schema": {
                            "type": "string",
                            "description": "A CREATE TABLE statement. Without it the rows determine the columns.",
                        },
                        "metadata": {"type": "object", "properties": {"columns": {"type": "array", "items": {}}}},
                        "rows": ROWS_SCHEMA,
                        "refs": {"type": "object", "description": "Columns with ids of assets or actions."},
                        "enum_columns": {"type": "object", "description": "Columns that allow only certain values."},
                        "indexes": {"type": "array", "items": {"type": "object"}},
                    },
                }
            },
            "required": ["dataset"],
        }
    },
    "example": {"dataset": {"name": "Rain", "rows": [{"id": 1, "day": "2026-01-01", "mm": 3.5}]}},
    "raises": (Conflict, NotFound, Locked),
}
CREATE_FROM_FILE: dict[str, Any] = WRITE | {
    "body": {
        "multipart/form-data": {
            "type": "object",
            "properties": {
                "file": {"type": "string", "format": "binary", "description": "CSV, Parquet, JSON, NDJSON or Excel."},
                "dataset": {"type": "string", "description": "JSON: the fields of the dataset."},
            },
            "required": ["file"],
        },
        "application/json": {
            "type": "object",
            "properties": {
                "file_id": {"type": "string", "format": "uuid", "description": "The id of a file asset."},
                "dataset": {"type": "object", "description": "The fields of the dataset."},
            },
            "required": ["file_id"],
        },
    },
    "raises": (Conflict, NotFound, PayloadTooLarge, Locked),
}
INGEST: dict[str, Any] = WRITE | {
    "body": {
        "application/json": {
            "type": "object",
            "properties": {
                "rows": ROWS_SCHEMA,
                "mode": {"type": "string", "enum": ["append", "overwrite", "upsert", "update"], "default": "append"},
                "finalize": {
                    "type": "boolean",
                    "default": True,
                    "description": "Whether to finish a version; false if more rows follow.",
                },
            },
            "required": ["rows"],
        }
    },
    "example": {"rows": [{"id": 1, "mm": 4.0}], "mode": "upsert", "finalize": True},
    "raises": (Conflict, Locked),
}


class CreateFromFileAsset(msgspec.Struct, frozen=True):
    """The JSON body of `POST /datasets/create/from-file`."""

    file_id: UUID
    dataset: NewDataset = NewDataset()


class CreateResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The response to a new dataset; `row_ingest` is present if the request had rows."""

    data: WireAsset
    row_ingest: RowIngest | None = None
    warning: IngestWarning | None = None
    error: None = None


class IngestResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The response to rows."""

    data: RowIngest
    row_ingest: RowIngest
    warning: IngestWarning | None = None
    error: None = None


Body = TypeVar("Body")
_decode_create_from_file_asset = msgspec.json.Decoder(CreateFromFileAsset).decode
_decode_fields = msgspec.json.Decoder(NewDataset).decode


def write_routes(database: Database, tables: TableStore, files: TableFiles) -> Sequence[HTTPRouteHandler]:
    """Return the routes that create datasets and write rows."""

    @post(
        "/datasets/create/from-schema",
        opt=CREATE,
        status_code=200,
        summary="Create a dataset from a schema, or from rows",
    )
    async def from_schema(request: AnyRequest) -> CreateResponse:
        requested = await read_new_dataset(await request.body())
        return _created(await create_dataset(database, tables, principal_of(request.scope), requested))

    @post("/datasets/create/from-file", opt=CREATE_FROM_FILE, status_code=200, summary="Create a dataset from a file")
    async def from_file(request: AnyRequest) -> CreateResponse:
        context = request_context(request.scope)
        content_type = context.headers.get(b"content-type", b"")
        if content_type.partition(b";")[0].strip().lower() == b"application/json":
            body = _decode(_decode_create_from_file_asset, await read_body(context, MAX_BODY_BYTES))
            return _created(
                await create_from_file_asset(database, tables, files, context.principal, body.file_id, body.dataset)
            )
        form = UploadForm(content_type, decompressed_chunks(context), files.max_bytes, (DATASET_FIELD,))
        return _created(await _create_from_form(database, tables, files, context.principal, form))

    @post("/datasets/{dataset_id:str}/data", opt=INGEST, status_code=200, summary="Write rows to a dataset")
    async def data(request: AnyRequest, dataset_id: FromPath[str]) -> IngestResponse:
        requested_id = read_id(dataset_id, "dataset_id")
        requested = await read_ingest_request(await request.body())
        ingested = await ingest_rows(database, tables, principal_of(request.scope), requested_id, requested)
        return IngestResponse(ingested.counts, ingested.counts, ingested.warning)

    return [from_schema, from_file, data]


async def _create_from_form(
    database: Database, tables: TableStore, files: TableFiles, principal: Principal, form: UploadForm
) -> CreatedDataset:
    async with new_table_file(files) as table_file:
        has_file = False
        async for uploaded in form.files():
            has_file = True
            await table_file.write(uploaded.chunks)
        if not has_file:
            raise InvalidRequest("file is missing.", "file")
        fields = _decode(_decode_fields, form.fields.get(DATASET_FIELD, "{}").encode())
        return await create_from_file(database, tables, principal, fields, table_file.path, form.filename or "")


def _created(created: CreatedDataset) -> CreateResponse:
    return CreateResponse(created.asset, created.counts, created.warning)


def _decode(decode: Callable[[bytes], Body], body: bytes) -> Body:
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(
            f"{DATASET_FIELD} must be a JSON object with the dataset's fields: {error}.", DATASET_FIELD
        ) from None
