"""Encodes rows as text inside DuckDB: an SQL expression makes each row's JSON object or CSV line.

JSON: integers and decimals are numbers with all their digits. Floating-point numbers are numbers; NaN and infinity
are null. Timestamps are `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`; infinite ones are null. Dates, times, UUIDs, intervals and
enums are strings. Bytes are a string of `\\x` and hexadecimal digits, as in PostgreSQL. Lists are arrays, structs are
objects, maps are arrays of objects with `key` and `value`. JSON values stay as they are.

CSV: RFC 4180 with newline as the end of a line. Null is an empty field, and an empty string is `""`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from hallmarket.server.query_engine.statement import BoundStatement

BATCH_ROWS = 16_384
INTEGERS = {
    *("tinyint", "smallint", "integer", "bigint", "hugeint", "bignum"),
    *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
}
TIMESTAMPS = {"timestamp", "timestamp with time zone", "timestamp_s", "timestamp_ms", "timestamp_ns"}
QUOTED = {"date", "time", "uuid", "interval", "time with time zone", "bit", "time_ns"}


def encode_json(
    connection: duckdb.DuckDBPyConnection, statement: BoundStatement, from_item: str, prefix: str = "", suffix: str = ""
) -> Iterator[tuple[int, bytes | memoryview]]:
    """Encode the rows of `from_item`, which has the statement's columns, as JSON objects.

    Yields a number of rows and their text, one object after the other, each between `prefix` and `suffix`.
    """
    columns = zip(statement.columns, statement.duckdb_types, statement.aliases, strict=True)
    parts = [
        f"{_literal(('{' if index == 0 else ',') + _key(column.name))}, {_json(alias, type_)}"
        for index, (column, type_, alias) in enumerate(columns)
    ]
    row = f"concat({_literal(prefix)}, {', '.join(parts)}, {_literal('}' + suffix)})"
    yield from _read_text(connection, f"select {row} from {from_item}")


def encode_csv(
    connection: duckdb.DuckDBPyConnection, statement: BoundStatement
) -> Iterator[tuple[int, bytes | memoryview]]:
    """Encode the statement's rows as CSV lines. Yields the header first, as 0 rows, then rows as `encode_json` does."""
    yield 0, (",".join(_csv_field(column.name) for column in statement.columns) + "\n").encode()
    fields = [_csv(alias, type_) for alias, type_ in zip(statement.aliases, statement.duckdb_types, strict=True)]
    row = "concat(" + ", ',', ".join(fields) + ", chr(10))"
    yield from _read_text(connection, f"select {row} from {statement.from_item}")


def _read_text(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[int, bytes | memoryview]]:
    """Run a statement with one text column. Yields each batch's number of rows and its text."""
    for batch in connection.sql(sql).to_arrow_reader(BATCH_ROWS):
        if batch.num_rows:
            yield batch.num_rows, _joined(batch.column(0))


def _joined(texts: pa.Array) -> memoryview:
    """The bytes of all texts of an array, without copying: Arrow stores them one after the other."""
    _, offsets, data = texts.buffers()
    ends = memoryview(offsets).cast("i" if texts.type == pa.string() else "q")
    return memoryview(data or b"")[ends[texts.offset] : ends[texts.offset + len(texts)]]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) + ":"


def _csv_field(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') or not name else name


def _type_name(type_: Any) -> str:
    full = str(type_)
    # The library's ids name how a type is stored: there JSON is a varchar, and time zones make no difference.
    if full in ("JSON", "TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE"):
        return full.lower()
    return str(type_.id).lower()


def _json(value: str, type_: Any) -> str:
    """An expression for a value's JSON, which is never null."""
    return f"coalesce({_nullable_json(value, type_)}, 'null')"


def _nullable_json(value: str, type_: Any) -> str:
    """An expression for a value's JSON, which is null if the value is."""
    name = _type_name(type_)
    if name in INTEGERS or name == "boolean":
        return f"{value}::varchar"
    if name in TIMESTAMPS:
        return f"""'"' || {_timestamp(value)} || '"'"""
    if name in QUOTED:
        return f"""'"' || {value}::varchar || '"'"""
    encode = JSON_ENCODERS.get(name)
    # Strings, enums and any type that has no JSON form become JSON strings.
    return encode(value, type_) if encode else f"to_json({value}::varchar)::varchar"


def _list(value: str, type_: Any) -> str:
    item = _json("x", dict(type_.children)["child"])
    return f"'[' || array_to_string(list_transform({value}, lambda x: {item}), ',') || ']'"


def _map(value: str, type_: Any) -> str:
    entry = dict(type_.children)
    key, inner = _json("x.key", entry["key"]), _json("x.value", entry["value"])
    pair = f"""'{{"key":' || {key} || ',"value":' || {inner} || '}}'"""
    return f"'[' || array_to_string(list_transform(map_entries({value}), lambda x: {pair}), ',') || ']'"


def _struct(value: str, type_: Any) -> str:
    fields = [
        f"{_literal((',' if index else '') + _key(name))}, {_json(f'struct_extract({value}, {_literal(name)})', field)}"
        for index, (name, field) in enumerate(type_.children)
    ]
    return f"case when {value} is not null then concat('{{', {', '.join(fields)}, '}}') end"


def _decimal(value: str, type_: Any) -> str:
    size = dict(type_.children)
    if size["precision"] == size["scale"]:  # DuckDB writes these without a zero before the point
        return f"regexp_replace({value}::varchar, '^(-?)[.]', '\\10.')"
    return f"{value}::varchar"


def _timestamp(value: str) -> str:
    return f"case when isfinite({value}) then strftime({value}, '%Y-%m-%dT%H:%M:%S.%f') || '+00:00' end"


def _csv(value: str, type_: Any) -> str:
    """An expression for a value's CSV field, which is null if the value is."""
    name = _type_name(type_)
    if name in TIMESTAMPS:
        return _timestamp(value)
    if name == "decimal":
        return _decimal(value, type_)
    if name in INTEGERS or name in QUOTED or name in ("boolean", "double", "float"):
        return f"{value}::varchar"
    if name in ("list", "array", "struct", "map", "json", "blob"):
        value = _nullable_json(value, type_) if name != "blob" else f"'\\x' || lower(hex({value}))"
    else:
        value = f"{value}::varchar"
    return (
        f"""case when contains({value}, '"') then '"' || replace({value}, '"', '""') || '"'"""
        f""" when contains({value}, ',') or contains({value}, chr(10)) or contains({value}, chr(13)) or {value} = ''"""
        f""" then '"' || {value} || '"' else {value} end"""
    )


JSON_ENCODERS: dict[str, Callable[[str, Any], str]] = {
    "decimal": _decimal,
    "double": lambda value, _type: f"case when isfinite({value}) then {value}::varchar end",
    "float": lambda value, _type: f"case when isfinite({value}) then {value}::varchar end",
    "blob": lambda value, _type: f"""'"\\\\x' || lower(hex({value})) || '"'""",
    "json": lambda value, _type: f"translate({value}::varchar, chr(10) || chr(13), '  ')",  # so it has no line breaks
    "list": _list,
    "array": _list,
    "struct": _struct,
    "map": _map,
}
