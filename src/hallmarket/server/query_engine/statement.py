"""A statement that the engine has read and bound, but not begun: what its columns are called, and of which types."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa

from hallmarket.server.query_engine.types import Column

BATCH_ROWS = 16_384
POSTGRES = {
    "varchar": "text",
    "double": "double precision",
    "float": "real",
    "blob": "bytea",
    "decimal": "numeric",
    **dict.fromkeys(("hugeint", "uhugeint", "ubigint", "bignum"), "numeric"),
    '"null"': "text",
}
WORDS = re.compile(r'"null"|[a-z]+')


class PreparedStatement:
    """A statement whose columns are known as `c0`, `c1` … inside, whatever their names."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, ran: str) -> None:
        """Bind the statement. Raises duckdb.Error, with the place in its message."""
        self._connection = connection
        self._ran = ran
        self.relation = self._bind()
        self.names = list(_unlike(self.relation.columns))
        self.types = self.relation.types
        self.inner = [f"c{index}" for index in range(len(self.names))]

    def _bind(self) -> duckdb.DuckDBPyRelation:
        try:
            return self._connection.sql(self._ran)
        except duckdb.Error:
            self._connection.execute(f"explain\n{self._ran}")  # fails alike, and says where
            raise

    @property
    def table(self) -> str:
        """The result as a table of a `from`."""
        return f"({self._ran}) as asked({', '.join(self.inner)})"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The result's columns, in PostgreSQL's words."""
        return tuple(Column(name, _postgres_type(type_)) for name, type_ in zip(self.names, self.types, strict=True))

    def count(self) -> int:
        """How many rows the whole result has."""
        [(total,)] = self._connection.execute(f"select count(*) from {self.table}").fetchall()
        return int(total)

    def lines(self, sql: str) -> Iterator[tuple[int, memoryview]]:
        """How many rows, and their texts one after the other, of a statement that gives one text a row; by batches."""
        for batch in self._connection.sql(sql).to_arrow_reader(BATCH_ROWS):
            if batch.num_rows:
                yield batch.num_rows, _text_of(batch.column(0))


def _text_of(lines: pa.Array) -> memoryview:
    """The bytes of all texts of an array: they lie one after the other already."""
    _, offsets, data = lines.buffers()
    ends = memoryview(offsets).cast("i" if lines.type == pa.string() else "q")
    return memoryview(data or b"")[ends[lines.offset] : ends[lines.offset + len(lines)]]


def _postgres_type(type_: Any) -> str:
    return WORDS.sub(lambda word: POSTGRES.get(word[0], word[0]), str(type_).lower())


def _unlike(names: list[str]) -> Iterator[str]:
    """The names, a number behind each that is there already: a JSON object has a key once."""
    taken: set[str] = set()
    for name in names:
        number = next(number for number in count() if (f"{name}_{number}" if number else name) not in taken)
        taken.add(f"{name}_{number}" if number else name)
        yield f"{name}_{number}" if number else name
