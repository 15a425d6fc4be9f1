"""What a file that becomes a table is read as, whatever its format."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.tables.types import Column

BATCH_ROWS = 16_384
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024  # of what is read as a whole: a workbook, a column of a row group
MAX_FIELD_LENGTH = 16 * 1024 * 1024


class Upload(msgspec.Struct, frozen=True):
    """What a file holds: its columns, and its rows in batches, which may be begun again."""

    columns: tuple[Column, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]


def plain(value: Any) -> Any:
    """A Python value as JSON would have brought it."""
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
