"""Ingest rows into a dataset: append, overwrite, upsert or update."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.accept_rows import accept_rows
from hallmarket.server.datasets.apply_rows import apply_rows
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import Head, Ingested, Mode, RowIngest
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore


class IngestRequest(msgspec.Struct, frozen=True):
    """The body of `POST /datasets/{id}/data`. The rows are decoded once the columns' types are known."""

    rows: msgspec.Raw
    mode: Mode = "append"
    finalize: bool | None = True


_decode = msgspec.json.Decoder(IngestRequest).decode


async def read_ingest_request(body: bytes) -> IngestRequest:
    """Read the body of a request with rows, in a thread. Raises InvalidRequest."""
    try:
        return await run_in_thread(_decode, body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not valid JSON for this path: {error}.", "body") from None


async def ingest_rows(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, request: IngestRequest
) -> Ingested:
    """Write rows to a dataset. They are durable when this returns.

    Without `finalize` they are pending, and nobody reads them until a later write finishes them. Raises NotFound,
    Forbidden, Locked, InvalidRequest with column, row and value, Conflict for repeated values, Unavailable.
    """
    result = Ingested(RowIngest())

    async def change(head: Head) -> Head:
        nonlocal result
        rows = await accept_rows(
            database, principal, head.snapshot.columns, request.rows, is_empty=not head.snapshot.rows
        )
        new, counts = await run_in_thread(apply_rows, tables, head, request.mode, rows)
        result = Ingested(counts, rows.warning)
        return new

    await write(database, tables, principal, dataset_id, change, finalize=request.finalize is not False)
    return result
