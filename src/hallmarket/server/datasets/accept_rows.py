"""Accept the rows of a request: decode them, convert them to columns, and check their references."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.references import check_references, make_warning, references_as_text
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import IngestWarning
from hallmarket.server.errors import InvalidRequest, PayloadTooLarge
from hallmarket.server.principal import Principal
from hallmarket.server.tables.coerce_rows import CoercedRows, Row, coerce_rows
from hallmarket.server.tables.type_inference import correct_bigint_columns
from hallmarket.server.tables.types import Column

# By column, the rows that have a value for it; None if all have.
SentMasks = dict[str, pa.Array | None]
MAX_CELLS = 20_000_000  # ten times what fits into a request body if every row has every column


class AcceptedRows(msgspec.Struct, frozen=True):
    """Valid rows as a table, the columns that were sent, and the number of rows left out, with a warning."""

    columns: tuple[Column, ...]
    table: pa.Table
    sent: SentMasks
    skipped: int
    warning: IngestWarning | None


_decode_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode
# For exact decimals, which a double would round. Decoding all numbers like this would take longer.
_decode_exact_rows = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal).decode


async def accept_rows(
    database: Database, principal: Principal, columns: tuple[Column, ...], raw: msgspec.Raw, *, is_empty: bool
) -> AcceptedRows:
    """Convert rows to the columns' types. The first rows of an empty table may change its columns' types.

    Rows with invalid references are left out. Raises InvalidRequest with column, row and value, PayloadTooLarge.
    """
    columns, rows = await run_in_thread(_coerce, columns, raw, is_empty)
    async with database.connection() as connection:
        checked = await check_references(connection, principal, columns, rows.table)
    sent = rows.sent
    if checked.kept_rows is not None:
        sent = {name: None if mask is None else mask.take(checked.kept_rows) for name, mask in sent.items()}
    skipped = rows.table.num_rows - checked.table.num_rows
    return AcceptedRows(columns, checked.table, sent, skipped, make_warning(rows.ignored, checked.refs))


def decode_rows(raw: msgspec.Raw | bytes, *, exact: bool = False) -> Sequence[Row]:
    """Decode rows from JSON. With `exact`, decimal numbers do not pass through a double. Raises InvalidRequest."""
    try:
        return (_decode_exact_rows if exact else _decode_rows)(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"rows must be a list of objects: {error}.", "rows") from None


def verify_cell_count(rows: Sequence[Row], columns: int) -> None:
    """Raises PayloadTooLarge if rows have too many values, including the nulls of values that are left out."""
    if len(rows) * columns > MAX_CELLS:
        raise PayloadTooLarge(
            f"{len(rows)} rows of {columns} columns are too many for one request: send at most {MAX_CELLS:,} values.",
            {"limitValues": MAX_CELLS},
        )


def _coerce(columns: tuple[Column, ...], raw: msgspec.Raw, is_empty: bool) -> tuple[tuple[Column, ...], CoercedRows]:
    rows = decode_rows(raw, exact=any(column.type.startswith("numeric") for column in columns))
    verify_cell_count(rows, len(columns))
    if is_empty:
        columns = correct_bigint_columns(columns, rows)
    return columns, coerce_rows(references_as_text(columns), rows)
