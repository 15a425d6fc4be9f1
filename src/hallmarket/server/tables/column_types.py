"""Column types: PostgreSQL's type names, their synonyms, and the Arrow type that stores each.

Delta Lake has no time, uuid or jsonb. They are stored as text: a time as `12:34:56.000001`, a uuid in lower-case
hyphenated form, jsonb as JSON text. A `numeric` without a precision has 26 digits before the point and 12 after it.
"""

import re

import pyarrow as pa

from hallmarket.server.errors import InvalidRequest

TIMESTAMPTZ = "timestamp with time zone"
DEFAULT_NUMERIC = pa.decimal128(38, 12)  # of a numeric without a precision
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "numeric": DEFAULT_NUMERIC,
    "boolean": pa.bool_(),
    TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "time": pa.string(),
    "uuid": pa.string(),
    "jsonb": pa.string(),
}
SYNONYMS = {
    "int8": "bigint",
    "bigserial": "bigint",
    "int": "integer",
    "int4": "integer",
    "serial": "integer",
    "int2": "smallint",
    "tinyint": "smallint",
    "float": "double precision",
    "float8": "double precision",
    "double": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "bool": "boolean",
    "timestamptz": TIMESTAMPTZ,
    "timestamp without time zone": "timestamp",
    "datetime": "timestamp",
    "time without time zone": "time",
    "string": "text",
    "varchar": "text",
    "character varying": "text",
    "char": "text",
    "character": "text",
    "json": "jsonb",
    "enum": "text",
}
SIZED_TYPE = re.compile(r"(.+?) *\( *(\d{1,9}) *(?:, *(\d{1,9}) *)?\)")
INTEGERS = {"bigint", "integer", "smallint"}


def parse_type(text: str) -> str:
    """Parse a column type as PostgreSQL, SQLite or a person spells it, and return its canonical name.

    Raises InvalidRequest if there is no such type.
    """
    word = " ".join(text.lower().split())
    size = SIZED_TYPE.fullmatch(word)
    if size:
        word = size[1]
    word = SYNONYMS.get(word, word)
    if word not in ARROW_TYPES:
        raise InvalidRequest(f"Unknown column type {text[:100]}. Use one of {', '.join(ARROW_TYPES)}.", "type")
    if not size or word != "numeric":
        return word
    precision, scale = int(size[2]), int(size[3] or 0)
    if not 1 <= precision <= 38 or scale > precision:
        raise InvalidRequest(f"{text} is not valid: a numeric has 1 to 38 digits, and its scale is no larger.", "type")
    return f"numeric({precision},{scale})"


def arrow_type(word: str) -> pa.DataType:
    """Get the Arrow type that stores values of a column type, given by its canonical name."""
    size = SIZED_TYPE.fullmatch(word)
    return pa.decimal128(int(size[2]), int(size[3] or 0)) if size else ARROW_TYPES[word]


def column_type_of(kind: pa.DataType) -> str:
    """Choose the column type for an Arrow type of an uploaded file.

    A nested type becomes jsonb, and any other type that has no equivalent becomes text.
    """
    if pa.types.is_dictionary(kind):
        return column_type_of(kind.value_type)
    if pa.types.is_decimal(kind) and kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return TIMESTAMPTZ if kind.tz else "timestamp"
    if pa.types.is_nested(kind):
        return "jsonb"
    for matches, word in _ARROW_TESTS:
        if matches(kind):
            return word
    return "text"


_ARROW_TESTS = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "numeric(20,0)"),
    (lambda kind: pa.types.is_int64(kind) or pa.types.is_uint32(kind), "bigint"),
    (lambda kind: pa.types.is_int32(kind) or pa.types.is_uint16(kind), "integer"),
    (pa.types.is_integer, "smallint"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_floating, "real"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
)
