"""Infers column types from values: CSV fields, JSON values and spreadsheet cells."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_rows import Row, match_keys, take_values
from hallmarket.server.tables.coerce_values import NULL_WORDS
from hallmarket.server.tables.column_types import TIMESTAMPTZ
from hallmarket.server.tables.columns import MAX_COLUMNS, declare_columns
from hallmarket.server.tables.parse_value import INTEGER
from hallmarket.server.tables.types import Column

CHUNK_ROWS = 16_384
# Narrower than what a declared integer column accepts: leading zeros, as in postal codes, make a column text.
PLAIN_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
TIMESTAMP_WITH_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
BOOLEANS = {"true", "false"}
MIN_BIGINT, MAX_BIGINT = -(2**63), 2**63 - 1


class StringColumn:
    """Infers the type of a column of strings: the narrowest type that all of them have."""

    def __init__(self) -> None:
        # The types that are still possible, narrowest first.
        self._candidates: dict[str, Callable[[str], object]] = {
            "boolean": lambda text: text.lower() in BOOLEANS,
            "bigint": lambda text: PLAIN_INTEGER.fullmatch(text) and MIN_BIGINT <= int(text) <= MAX_BIGINT,
            "numeric(38,0)": lambda text: PLAIN_INTEGER.fullmatch(text) and len(text.lstrip("+-")) <= 38,
            "double precision": NUMBER.fullmatch,
            "date": lambda text: DATE.fullmatch(text) and _is_iso(text),
            TIMESTAMPTZ: lambda text: TIMESTAMP_WITH_OFFSET.fullmatch(text) and _is_iso(text),
            "timestamp": lambda text: TIMESTAMP.fullmatch(text) and _is_iso(text),
        }
        self._has_value = False

    def add(self, texts: Iterable[str]) -> None:
        """Add values. Empty ones are null and fit any type."""
        if not self._candidates:
            return
        values = {text.strip() for text in texts} - {""}
        self._has_value = self._has_value or bool(values)
        self._candidates = {
            kind: fits for kind, fits in self._candidates.items() if all(fits(value) for value in values)
        }

    @property
    def type(self) -> str:
        """The narrowest type of all values so far; text if there is none, or no value."""
        return next(iter(self._candidates), "text") if self._has_value else "text"


def infer_csv_types(width: int, rows: Iterator[Sequence[str]]) -> list[str]:
    """Infer the type of each of `width` columns from all rows."""
    columns = [StringColumn() for _ in range(width)]
    while chunk := list(islice(rows, CHUNK_ROWS)):
        for index, column in enumerate(columns):
            column.add(row[index] for row in chunk)
    return [column.type for column in columns]


def infer_json_columns(chunks: Iterable[Sequence[dict[str, Any]]]) -> tuple[Column, ...]:
    """Infer the columns of JSON objects, in the order in which their keys first occur.

    Raises InvalidRequest if there are none, or too many.
    """
    columns: dict[str, _JsonColumn] = {}
    for rows in chunks:
        # Counted first: each key is then looked up in every row.
        keys = dict.fromkeys(key for shape in dict.fromkeys(map(tuple, rows)) for key in shape)
        if len(columns.keys() | keys) > MAX_COLUMNS:
            raise InvalidRequest(f"A dataset can have at most {MAX_COLUMNS} columns.", "columns")
        for key in keys:
            columns.setdefault(key, _JsonColumn()).add([row[key] for row in rows if row.get(key) is not None])
    return declare_columns(list(columns), [column.type for column in columns.values()])


class _JsonColumn:
    """Infers the type of the values under one key of JSON objects."""

    def __init__(self) -> None:
        self._types: set[type] = set()
        self._strings = StringColumn()
        self._min = self._max = 0

    def add(self, values: Sequence[Any]) -> None:
        """Add values that are not null."""
        self._types.update(map(type, values))
        self._strings.add(value for value in values if type(value) is str)
        integers = [value for value in values if type(value) is int]
        self._min, self._max = min([self._min, *integers]), max([self._max, *integers])

    @property
    def type(self) -> str:
        """The type of all values so far."""
        types = self._types
        if types == {str}:
            return self._strings.type if self._strings.type in (TIMESTAMPTZ, "timestamp", "date") else "text"
        if types == {bool}:
            return "boolean"
        if types == {int}:
            if self._min >= MIN_BIGINT and self._max <= MAX_BIGINT:
                return "bigint"
            return "numeric(38,0)" if max(-self._min, self._max) < 10**38 else "text"
        if types and types <= {int, float}:
            return "double precision"
        return "jsonb" if types and types <= {dict, list} else "text"


def infer_cell_type(cells: Sequence[Any]) -> str:
    """Infer the type of a column of spreadsheet cells."""
    types = {type(cell) for cell in cells} - {type(None)}
    if types <= {int, float} and types:
        return "bigint" if types == {int} else "double precision"
    if types and types <= {date, datetime}:
        return "date" if types == {date} else "timestamp"
    known = {bool: "boolean", time: "time"}
    return known.get(next(iter(types)), "text") if len(types) == 1 else "text"


def correct_bigint_columns(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """Correct the types of an empty table's BIGINT columns if its first rows do not fit them.

    pandas declares BIGINT for booleans with nulls, for timedeltas and for integers beyond 64 bits.
    """
    keys, _ = match_keys(columns, rows)
    corrected = []
    for column in columns:
        kind = column.type
        if kind == "bigint" and (column_keys := keys.get(column.name)):
            kind = _correct_bigint(take_values(rows, column_keys)[0])
        corrected.append(column if kind == column.type else msgspec.structs.replace(column, type=kind))
    return tuple(corrected)


def _correct_bigint(values: Sequence[object]) -> str:
    types = set(map(type, values)) - {type(None)}
    if types == {bool}:
        return "boolean"
    if types == {str} and not all(
        INTEGER.fullmatch(str(value)) for value in values if value not in (None, *NULL_WORDS)
    ):
        return "text"
    if types == {int} and any(isinstance(value, int) and not MIN_BIGINT <= value <= MAX_BIGINT for value in values):
        return "numeric(38,0)"
    return "bigint"


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
