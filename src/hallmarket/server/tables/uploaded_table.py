"""An uploaded file, read as a table; what the readers of all formats share."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.tables.types import Column

BATCH_ROWS = 16_384
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024  # of what must be held whole: a workbook, or a column of a row group
MAX_FIELD_LENGTH = 16 * 1024 * 1024


class UploadedTable(msgspec.Struct, frozen=True):
    """The columns of a file, and a function that reads its rows in batches, from the beginning each time."""

    columns: tuple[Column, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]


def to_json_value(value: Any) -> Any:
    """Convert a Python value to the form in which JSON would have brought it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return "\\x" + value.hex()  # as PostgreSQL writes bytes
    if isinstance(value, timedelta):
        return str(value)
    return msgspec.to_builtins(value) if isinstance(value, dict | list | tuple) else value
