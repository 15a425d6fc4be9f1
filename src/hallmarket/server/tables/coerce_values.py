"""Converts a column's values to Arrow, exactly: a value is stored as it was sent, or rejected by column, row and value.

Arrow converts all values together where it can do so without loss. Only a column that it refuses is parsed value by
value.
"""

from collections.abc import Sequence
from decimal import InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.column_types import INTEGERS, TIMESTAMPTZ, arrow_type
from hallmarket.server.tables.parse_value import get_parser
from hallmarket.server.tables.types import Column

# How pandas and other tools write a missing value. In text and JSON columns these are ordinary strings.
NULL_WORDS = {"", "NaT", "nan", "NaN", "None", "null", "<NA>"}
STRING_TYPES = {"text", "jsonb"}
MAX_SHOWN_LENGTH = 100  # of a value in a message
MIN_TIMESTAMP_US, MAX_TIMESTAMP_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999


def coerce_values(column: Column, values: Sequence[object], first_row: int = 1) -> pa.Array:
    """Convert a column's values to Arrow, exactly.

    Raises InvalidRequest with the column, row and value that does not fit; rows are counted from `first_row`.
    """
    array = _coerce_together(column, values)
    if array is None:
        array = _coerce_one_by_one(column, values, first_row)
    if column.enum_values is not None:
        verify_enum(column, array, first_row)
    return array


def verify_enum(column: Column, array: pa.Array, first_row: int = 1) -> None:
    """Raise InvalidRequest if a value is not one of the enum column's allowed values."""
    allowed = pa.array(column.enum_values, pa.string())
    is_valid = pc.or_(pc.is_null(array), pc.is_in(array, value_set=allowed))
    if not pc.all(is_valid, min_count=0).as_py():
        at = pc.index(is_valid, False).as_py()
        raise _rejected(column, at + first_row, array[at].as_py(), f"one of {', '.join(column.enum_values or ())}")


def _coerce_together(column: Column, values: Sequence[object]) -> pa.Array | None:
    """Convert all values in one pass, with the type that Arrow infers; None if that could lose something."""
    kind = column.type
    try:
        array = pa.array(values)
        if pa.types.is_null(array.type):
            return array.cast(arrow_type(kind))
        if kind in ("text", "boolean"):
            return array if array.type == arrow_type(kind) else None
        if kind in INTEGERS or kind in ("double precision", "real"):
            if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
                numbers = pc.if_else(pc.is_finite(array), array, None).cast(arrow_type(kind), safe=kind != "real")
                return numbers if kind != "real" or pc.all(pc.is_finite(numbers), min_count=0).as_py() else None
            return None
        if kind in (TIMESTAMPTZ, "timestamp") and array.type == pa.string():
            return _coerce_timestamps(array, kind)
        if kind == "date" and array.type == pa.string():
            return array.cast(pa.date32())
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        pass
    return None


def _coerce_timestamps(texts: pa.Array, kind: str) -> pa.Array:
    """Convert timestamps that all have an offset, or all have none, which means UTC. Raises ValueError."""
    naive = pa.timestamp("us")
    try:
        array = texts.cast(arrow_type(kind))
    except pa.ArrowInvalid:
        if kind == "timestamp":
            raise
        array = texts.cast(naive).cast(arrow_type(kind))
    bounds = pc.min_max(array.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not MIN_TIMESTAMP_US <= bounds["min"] <= bounds["max"] <= MAX_TIMESTAMP_US:
        raise ValueError  # readers such as Python's datetime cannot represent it
    return array


def _coerce_one_by_one(column: Column, values: Sequence[object], first_row: int) -> pa.Array:
    target, parse = arrow_type(column.type), get_parser(column.type)
    is_string = column.type in STRING_TYPES
    parsed: list[Any] = []
    for value in values:
        if value is None or (not is_string and isinstance(value, str) and value in NULL_WORDS):
            parsed.append(None)
            continue
        try:
            parsed.append(parse(value))
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            raise _rejected(column, len(parsed) + first_row, value, column.type) from None
    try:
        return pa.array(parsed, target)
    except (pa.ArrowException, OverflowError):
        at, value = next((at, value) for at, value in enumerate(parsed) if not _fits(value, target))
        raise _rejected(column, at + first_row, value, column.type) from None


def _fits(value: object, target: pa.DataType) -> bool:
    try:
        pa.array([value], target)
    except (pa.ArrowException, OverflowError):
        return False
    return True


def _rejected(column: Column, row: int, value: object, expected: str) -> InvalidRequest:
    shown = value if isinstance(value, str) else repr(value)
    shown = shown if len(shown) <= MAX_SHOWN_LENGTH else shown[:MAX_SHOWN_LENGTH] + "…"
    return InvalidRequest(f"Column {column.name}, row {row}: {shown!s} is not {expected}.", column.name)
