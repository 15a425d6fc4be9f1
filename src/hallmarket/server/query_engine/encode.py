"""Writes rows as text inside DuckDB, many at a time: the SQL of an expression that is a row's JSON, or its CSV.

JSON: integers and decimals as numbers with all their digits; doubles as numbers, null where they are none; points in
time always as `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, null where they are infinite; dates, times, UUIDs, intervals and
enums as text; bytes as PostgreSQL's `\\x` and hexadecimal digits; lists as arrays, structs as objects, maps as arrays
of objects with `key` and `value`; JSON as what it is.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

WHOLE = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint"} | {
    *("uhugeint", "bignum"),
}
POINTS = {"timestamp", "timestamp with time zone", "timestamp_s", "timestamp_ms", "timestamp_ns"}
QUOTED = {"date", "time", "uuid", "interval", "time with time zone", "bit", "time_ns"}


def quote(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def json_row(names: Sequence[str], types: Sequence[Any], columns: Sequence[str]) -> str:
    """The expression of a row's JSON object: `names` are its keys, `columns` the SQL names of the values."""
    parts = [
        f"{text(('{' if index == 0 else ',') + _key(name))}, {_json(column, type_)}"
        for index, (name, type_, column) in enumerate(zip(names, types, columns, strict=True))
    ]
    return f"concat({', '.join(parts)}, '}}')"


def csv_row(types: Sequence[Any], columns: Sequence[str]) -> str:
    """The expression of a row's line of CSV (RFC 4180, ended by a newline): null is nothing, an empty text is ""."""
    fields = [_csv(column, type_) for type_, column in zip(types, columns, strict=True)]
    return "concat(" + ", ',', ".join(fields) + ", chr(10))"


def csv_head(names: Sequence[str]) -> bytes:
    """The first line of a CSV: the names of its columns."""
    return (",".join(_csv_text(name) for name in names) + "\n").encode()


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) + ":"


def _csv_text(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') or not name else name


def _kind(type_: Any) -> str:
    said = str(type_)
    # The library's ids name storage: JSON is a varchar there, and zones are not told apart.
    return (
        said.lower() if said in ("JSON", "TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE") else str(type_.id).lower()
    )


def _json(value: str, type_: Any) -> str:
    """An expression that is never null: the value's JSON."""
    return f"coalesce({_bare(value, type_)}, 'null')"


def _bare(value: str, type_: Any) -> str:
    """An expression of the value's JSON, null where the value is."""
    kind = _kind(type_)
    if kind in WHOLE or kind == "boolean":
        return f"{value}::varchar"
    if kind in POINTS:
        return f"""'"' || {_point(value)} || '"'"""
    if kind in QUOTED:
        return f"""'"' || {value}::varchar || '"'"""
    special = SPECIAL.get(kind)
    # Text, enums, and whatever has only its text.
    return special(value, type_) if special else f"to_json({value}::varchar)::varchar"


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
        f"{text((',' if index else '') + _key(name))}, {_json(f'struct_extract({value}, {text(name)})', field)}"
        for index, (name, field) in enumerate(type_.children)
    ]
    return f"case when {value} is not null then concat('{{', {', '.join(fields)}, '}}') end"


def _decimal(value: str, type_: Any) -> str:
    size = dict(type_.children)
    if size["precision"] == size["scale"]:  # written without the zero before the point
        return f"regexp_replace({value}::varchar, '^(-?)[.]', '\\10.')"
    return f"{value}::varchar"


def _point(value: str) -> str:
    return f"case when isfinite({value}) then strftime({value}, '%Y-%m-%dT%H:%M:%S.%f') || '+00:00' end"


def _csv(value: str, type_: Any) -> str:
    kind = _kind(type_)
    if kind in POINTS:
        return _point(value)
    if kind == "decimal":
        return _decimal(value, type_)
    if kind in WHOLE or kind in QUOTED or kind in ("boolean", "double", "float"):
        return f"{value}::varchar"
    if kind in ("list", "array", "struct", "map", "json", "blob"):
        value = _bare(value, type_) if kind != "blob" else f"'\\x' || lower(hex({value}))"
    else:
        value = f"{value}::varchar"
    return (
        f"""case when contains({value}, '"') then '"' || replace({value}, '"', '""') || '"'"""
        f""" when contains({value}, ',') or contains({value}, chr(10)) or contains({value}, chr(13)) or {value} = ''"""
        f""" then '"' || {value} || '"' else {value} end"""
    )


SPECIAL: dict[str, Callable[[str, Any], str]] = {
    "decimal": _decimal,
    "double": lambda value, _type: f"case when isfinite({value}) then {value}::varchar end",
    "float": lambda value, _type: f"case when isfinite({value}) then {value}::varchar end",
    "blob": lambda value, _type: f"""'"\\\\x' || lower(hex({value})) || '"'""",
    "json": lambda value, _type: f"translate({value}::varchar, chr(10) || chr(13), '  ')",  # to stay on one line
    "list": _list,
    "array": _list,
    "struct": _struct,
    "map": _map,
}
