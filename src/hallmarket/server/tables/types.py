"""A table's columns in PostgreSQL's words, its files, and how each type is kept in Parquet and Delta Lake.

Delta has no time, uuid or jsonb: these are kept as text, a time as `12:34:56.000001`, a uuid in lower-case hyphenated
form, jsonb as JSON text; the word is kept by us. A plain `numeric` has 26 digits before the point and 12 behind.
"""

import re
from collections.abc import Sequence
from uuid import UUID

import msgspec
import pyarrow as pa

from hallmarket.server.errors import InvalidRequest

TIMESTAMPTZ = "timestamp with time zone"
PLAIN_NUMERIC = pa.decimal128(38, 12)
ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "numeric": PLAIN_NUMERIC,
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
WITH_SIZE = re.compile(r"(.+?) *\( *(\d{1,9}) *(?:, *(\d{1,9}) *)?\)")
INTEGERS = {"bigint": 63, "integer": 31, "smallint": 15}  # and how many bits they have beside the sign


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column: its normalised name, PostgreSQL type word, and what else is known of it.

    `original` is the spelling it came with, by which rows may go on naming it; `ref_kind` is asset or action.
    """

    name: str
    type: str
    nullable: bool = True
    original: str | None = None
    label: str | None = None
    enum_values: tuple[str, ...] | None = None
    ref_kind: str | None = None
    asset_type: str | None = None


class File(msgspec.Struct, frozen=True):
    """One Parquet file of a table, never changed once written; `sha3_512` is 128 hexadecimal digits."""

    name: str
    size_bytes: int
    rows: int
    sha3_512: str


class Snapshot(msgspec.Struct, frozen=True):
    """A table as it was at one moment: its columns, and its files in the order of their rows.

    `delta_version` is null for one that has not been committed to the table's Delta log.
    """

    table_id: UUID
    columns: tuple[Column, ...]
    files: tuple[File, ...] = ()
    delta_version: int | None = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """The size of its files."""
        return sum(file.size_bytes for file in self.files)

    def column(self, name: str) -> Column:
        """The column of this normalised name. Raises InvalidRequest naming it."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidRequest(f"There is no column {name}.", name)


def read_type(text: str) -> str:
    """The canonical word for a type as PostgreSQL, SQLite or a person spells it. Raises InvalidRequest."""
    word = " ".join(text.lower().split())
    size = WITH_SIZE.fullmatch(word)
    if size:
        word = size[1]
    word = SYNONYMS.get(word, word)
    if word not in ARROW:
        raise InvalidRequest(f"There is no column type {text[:100]}; there are {', '.join(ARROW)}.", "type")
    if not size or word != "numeric":
        return word
    precision, scale = int(size[2]), int(size[3] or 0)
    if not 1 <= precision <= 38 or scale > precision:
        raise InvalidRequest(f"A numeric has 1 to 38 digits, of which as many may be behind the point: {text}.", "type")
    return f"numeric({precision},{scale})"


def arrow_type(word: str) -> pa.DataType:
    """How values of a type (a canonical word) are kept."""
    size = WITH_SIZE.fullmatch(word)
    return pa.decimal128(int(size[2]), int(size[3] or 0)) if size else ARROW[word]


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The schema that every file of a table with these columns has, field by field."""
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])


def type_of_arrow(kind: pa.DataType) -> str:
    """The word for what other programs' files hold; whatever has no word of its own is text or, if nested, jsonb."""
    if pa.types.is_dictionary(kind):
        return type_of_arrow(kind.value_type)
    if pa.types.is_decimal(kind) and kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return TIMESTAMPTZ if kind.tz else "timestamp"
    if pa.types.is_nested(kind):
        return "jsonb"
    for known, word in _SIMPLE:
        if known(kind):
            return word
    return "text"


_SIMPLE = (
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
