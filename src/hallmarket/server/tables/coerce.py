"""JSON rows to Arrow columns, exactly: a value is kept as it was sent, or refused by column, row and value.

What Arrow takes at once goes at once; only a column it refuses is looked at value by value.
"""

import re
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import chain
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.declare import find_any_named
from hallmarket.server.tables.types import INTEGERS, TIMESTAMPTZ, Column, arrow_schema, arrow_type

Row = Mapping[str, Any]
# What pandas and others write where nothing stands; in text these are texts.
NOTHING = {"", "NaT", "nan", "NaN", "None", "null", "<NA>"}
WHOLE = re.compile(r"[+-]?\d{1,40}(\.0*)?", re.ASCII)
TRUTH = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
MAX_SHOWN_LENGTH = 100
_write_json = msgspec.json.Encoder(decimal_format="number").encode
EARLIEST_US, LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999


class Rows(msgspec.Struct, frozen=True):
    """Rows as columns of Arrow; `sent` are the columns that came, with where, if not in every row.

    `ignored` counts the keys that no column goes by.
    """

    table: pa.Table
    sent: dict[str, pa.Array | None]
    ignored: dict[str, int]


def coerce_rows(columns: Sequence[Column], rows: Sequence[Row]) -> Rows:
    """Rows as a table of these columns; a key that is not sent is null. Raises InvalidRequest."""
    keys, ignored = _match_keys(columns, rows)
    arrays, sent = [], {}
    for column in columns:
        names = keys.get(column.name, ())
        if not names:
            arrays.append(pa.nulls(len(rows), arrow_type(column.type)))
            continue
        values, where = _take(rows, names)
        sent[column.name] = where
        arrays.append(coerce_values(column, values))
    return Rows(pa.Table.from_arrays(arrays, schema=arrow_schema(columns)), sent, ignored)


def coerce_values(column: Column, values: Sequence[object], first_row: int = 1) -> pa.Array:
    """A column's values, exactly. Raises InvalidRequest naming column, row and value; rows count from `first_row`."""
    array = _coerce_at_once(column, values)
    if array is None:
        array = _coerce_each(column, values, first_row)
    if column.enum_values is not None:
        check_enum(column, array, first_row)
    return array


def check_enum(column: Column, array: pa.Array, first_row: int = 1) -> None:
    """Raises InvalidRequest for a value that is not one of an enum column's."""
    allowed = pa.array(column.enum_values, pa.string())
    good = pc.or_(pc.is_null(array), pc.is_in(array, value_set=allowed))
    if not pc.all(good, min_count=0).as_py():
        at = pc.index(good, False).as_py()
        raise _refused(column, at + first_row, array[at].as_py(), f"one of {', '.join(column.enum_values or ())}")


def settle_types(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns as an empty table's first rows show them to be, where the declared BIGINT cannot hold these.

    pandas declares BIGINT for booleans among nulls, for timedeltas and for whole numbers beyond 64 bits.
    """
    keys, _ = _match_keys(columns, rows)
    settled = []
    for column in columns:
        kind = column.type
        if kind == "bigint" and (names := keys.get(column.name)):
            kind = _settle(_take(rows, names)[0])
        settled.append(column if kind == column.type else msgspec.structs.replace(column, type=kind))
    return tuple(settled)


def _settle(values: Sequence[object]) -> str:
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bool}:
        return "boolean"
    if kinds == {str} and not all(WHOLE.fullmatch(str(value)) for value in values if value not in (None, *NOTHING)):
        return "text"
    if kinds == {int} and any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        return "numeric(38,0)"
    return "bigint"


def _match_keys(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """By which keys each column comes, and how often which key is nobody's."""
    keys: dict[str, list[str]] = {}
    ignored = {}
    # Each key is looked at once, wherever it stands: a caller decides how many there are, and in how many rows.
    named = find_any_named(columns)
    for key, count in Counter(chain.from_iterable(rows)).items():
        column = named(key)
        if column is None:
            ignored[key] = count
        else:
            keys.setdefault(column.name, []).append(key)
    return keys, ignored


def _take(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[Any], pa.Array | None]:
    """A column's values, and in which rows it came, if not in all. Raises InvalidRequest where it came twice."""
    first, *others = names
    if not others:
        try:
            return [row[first] for row in rows], None
        except KeyError:
            return [row.get(first) for row in rows], pa.array([first in row for row in rows])
    values, where = [], []
    for number, row in enumerate(rows, 1):
        come = [name for name in names if name in row]
        if len(come) > 1:
            raise InvalidRequest(f"Row {number} has {come[0]} and {come[1]}, which are one column.", come[1])
        values.append(row[come[0]] if come else None)
        where.append(bool(come))
    return values, None if all(where) else pa.array(where)


def _coerce_at_once(column: Column, values: Sequence[object]) -> pa.Array | None:
    """The values, if Arrow can take all of them without a loss; it guesses their common type in one pass."""
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
            return _moments(array, kind)
        if kind == "date" and array.type == pa.string():
            return array.cast(pa.date32())
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        pass
    return None


def _moments(array: pa.Array, kind: str) -> pa.Array:
    """Times of one spelling: all with an offset, or all without, which means UTC."""
    plain = pa.timestamp("us")
    try:
        moments = array.cast(arrow_type(kind))
    except pa.ArrowInvalid:
        if kind == "timestamp":
            raise
        moments = array.cast(plain).cast(arrow_type(kind))
    bounds = pc.min_max(moments.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not EARLIEST_US <= bounds["min"] <= bounds["max"] <= LATEST_US:
        raise ValueError  # years 1 to 9999, which every reader can show
    return moments


def _coerce_each(column: Column, values: Sequence[object], first_row: int) -> pa.Array:
    target = arrow_type(column.type)
    read = READERS.get(column.type) or partial(_read_numeric, kind=target)
    textual = read in (_read_text, _read_json)
    good: list[Any] = []
    for value in values:
        if value is None or (not textual and isinstance(value, str) and value in NOTHING):
            good.append(None)
            continue
        try:
            good.append(read(value))
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            raise _refused(column, len(good) + first_row, value, column.type) from None
    try:
        return pa.array(good, target)
    except (pa.ArrowException, OverflowError):
        at, value = next((at, value) for at, value in enumerate(good) if not _fits(value, target))
        raise _refused(column, at + first_row, value, column.type) from None


def _fits(value: object, target: pa.DataType) -> bool:
    try:
        pa.array([value], target)
    except (pa.ArrowException, OverflowError):
        return False
    return True


def _refused(column: Column, row: int, value: object, wanted: str) -> InvalidRequest:
    shown = value if isinstance(value, str) else repr(value)
    shown = shown if len(shown) <= MAX_SHOWN_LENGTH else shown[:MAX_SHOWN_LENGTH] + "…"
    return InvalidRequest(f"Column {column.name}, row {row}: {shown!s} is not {wanted}.", column.name)


def _read_text(value: object) -> str:
    if isinstance(value, str):
        value.encode()  # a lone surrogate is no text
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return _write_json(value).decode()


def _read_json(value: object) -> str:
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return _write_json(value).decode()
        return value
    return _write_json(value).decode()


def _read_whole(value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        if not WHOLE.fullmatch(text):
            raise ValueError
        return int(text.partition(".")[0])
    whole = int(value)  # type: ignore[call-overload]  # what is no number raises
    if whole != value:
        raise ValueError
    return int(whole)


def _read_float(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # what is no number raises
    if isfinite(number):
        return number
    if not isinstance(value, str) or any(char.isdigit() for char in value):
        raise OverflowError  # it is a number, and larger than a double can be
    return None  # inf and nan, which JSON has no numbers for


def _read_real(value: object) -> float | None:
    number = _read_float(value)
    struct.pack("<f", number or 0.0)  # raises OverflowError where it would be infinite
    return number


def _read_numeric(value: object, kind: pa.DataType) -> Decimal:
    if isinstance(value, bool):
        value = int(value)
    number = Decimal(repr(value) if isinstance(value, float) else value)  # type: ignore[arg-type]
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError
    if -exponent > kind.scale and any(digits[exponent + kind.scale :]):
        raise ValueError  # it would be rounded
    if number and number.adjusted() >= kind.precision - kind.scale:
        raise ValueError
    # Written out, for a decimal's own arithmetic would round at 28 digits.
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + kind.scale
    digits = digits + (0,) * shift if shift >= 0 else digits[:shift] or (0,)
    return Decimal((sign, digits, -kind.scale))


def _read_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return TRUTH[value.strip().lower()] if value.strip().lower() in TRUTH else _no()
    return bool(value) if value in (0, 1) else _no()


def _no() -> bool:
    raise ValueError


def _read_moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read_plain_moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _read_date(value: object) -> date:
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    if moment.time() != time():
        raise ValueError  # its time would be lost
    return moment.date()


def _read_time(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    moment = time.fromisoformat(value.strip())
    if moment.tzinfo is not None:
        raise ValueError
    return moment.isoformat()


def _read_uuid(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(UUID(value))


READERS: dict[str, Callable[[Any], Any]] = {
    "text": _read_text,
    "jsonb": _read_json,
    "bigint": _read_whole,
    "integer": _read_whole,
    "smallint": _read_whole,
    "double precision": _read_float,
    "real": _read_real,
    "boolean": _read_boolean,
    TIMESTAMPTZ: _read_moment,
    "timestamp": _read_plain_moment,
    "date": _read_date,
    "time": _read_time,
    "uuid": _read_uuid,
}
