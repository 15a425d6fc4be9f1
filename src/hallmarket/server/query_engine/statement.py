"""Binds a statement: DuckDB resolves its names and types without running it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb

from hallmarket.server.query_engine.types import Column

# DuckDB's type names that PostgreSQL has another name for.
POSTGRES_TYPES = {
    "varchar": "text",
    "double": "double precision",
    "float": "real",
    "blob": "bytea",
    "decimal": "numeric",
    **dict.fromkeys(("hugeint", "uhugeint", "ubigint", "bignum"), "numeric"),
    '"null"': "text",
}
TYPE_WORDS = re.compile(r'"null"|[a-z]+')


@dataclass(frozen=True)
class BoundStatement:
    """A statement whose columns are known; it has not run yet."""

    sql: str
    relation: duckdb.DuckDBPyRelation
    names: tuple[str, ...]  # of the result's columns, each one once
    types: tuple[Any, ...]  # DuckDB's types of these columns

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names of the columns in `from_item`: c0, c1 and so on, which need no quotes."""
        return tuple(f"c{index}" for index in range(len(self.names)))

    @property
    def from_item(self) -> str:
        """The result as a table to select from."""
        return f"({self.sql}) as result({', '.join(self.aliases)})"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The result's columns with their PostgreSQL types."""
        return tuple(Column(name, _postgres_type(type_)) for name, type_ in zip(self.names, self.types, strict=True))


def bind_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> BoundStatement:
    """Bind a statement. Raises duckdb.Error with the position in its message."""
    try:
        relation = connection.sql(sql)
    except duckdb.Error:
        connection.execute(f"explain\n{sql}")  # raises the same error, with its position
        raise
    return BoundStatement(sql, relation, tuple(_unique_names(relation.columns)), tuple(relation.types))


def _postgres_type(type_: Any) -> str:
    return TYPE_WORDS.sub(lambda word: POSTGRES_TYPES.get(word[0], word[0]), str(type_).lower())


def _unique_names(names: list[str]) -> Iterator[str]:
    """Yield the names, with a number appended to each that occurred before: JSON objects have unique keys."""
    taken: set[str] = set()
    for name in names:
        number = next(number for number in count() if (f"{name}_{number}" if number else name) not in taken)
        unique = f"{name}_{number}" if number else name
        taken.add(unique)
        yield unique
