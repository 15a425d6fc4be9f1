"""Converts JSON rows to an Arrow table: matches their keys to columns, and converts each column's values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_values import coerce_values
from hallmarket.server.tables.column_types import arrow_type
from hallmarket.server.tables.columns import column_finder
from hallmarket.server.tables.types import Column, arrow_schema

Row = Mapping[str, Any]


class CoercedRows(msgspec.Struct, frozen=True):
    """Rows as an Arrow table.

    `sent` has the columns that the rows had keys for, each with a mask of the rows that did, or None if all did.
    `ignored` counts the keys that belong to no column.
    """

    table: pa.Table
    sent: dict[str, pa.Array | None]
    ignored: dict[str, int]


def coerce_rows(columns: Sequence[Column], rows: Sequence[Row]) -> CoercedRows:
    """Convert rows to a table with these columns; a missing key is null. Raises InvalidRequest."""
    keys, ignored = match_keys(columns, rows)
    arrays, sent = [], {}
    for column in columns:
        column_keys = keys.get(column.name, ())
        if not column_keys:
            arrays.append(pa.nulls(len(rows), arrow_type(column.type)))
            continue
        values, mask = take_values(rows, column_keys)
        sent[column.name] = mask
        arrays.append(coerce_values(column, values))
    return CoercedRows(pa.Table.from_arrays(arrays, schema=arrow_schema(columns)), sent, ignored)


def match_keys(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Map each column to the keys that the rows have for it; count the keys that belong to no column."""
    keys: dict[str, list[str]] = {}
    ignored = {}
    # Each distinct key is looked up once, because the caller decides how many rows have it.
    find = column_finder(columns)
    for key, count in Counter(chain.from_iterable(rows)).items():
        column = find(key)
        if column is None:
            ignored[key] = count
        else:
            keys.setdefault(column.name, []).append(key)
    return keys, ignored


def take_values(rows: Sequence[Row], keys: Sequence[str]) -> tuple[list[Any], pa.Array | None]:
    """Take a column's values out of rows, and a mask of the rows that have one, or None if all do.

    Raises InvalidRequest if a row has two of the column's keys.
    """
    first, *others = keys
    if not others:
        try:
            return [row[first] for row in rows], None
        except KeyError:
            return [row.get(first) for row in rows], pa.array([first in row for row in rows])
    values, mask = [], []
    for number, row in enumerate(rows, 1):
        present = [key for key in keys if key in row]
        if len(present) > 1:
            message = f"Row {number} has {present[0]} and {present[1]}, which are names of the same column."
            raise InvalidRequest(message, present[1])
        values.append(row[present[0]] if present else None)
        mask.append(bool(present))
    return values, None if all(mask) else pa.array(mask)
