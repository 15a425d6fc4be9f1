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
    columns: tuple[Column, ...]  # the result's columns with their PostgreSQL types; each name once
    duckdb_types: tuple[Any, ...]  # the DuckDB types of these columns
    aliases: tuple[str, ...]  # the names of these columns in `from_item`: c0, c1 and so on, which need no quotes
    from_item: str  # the result as a table to select from


def bind_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> BoundStatement:
    """Bind a statement. Raises duckdb.Error with the position in its message."""
    try:
        relation = connection.sql(sql)
    except duckdb.Error:
        connection.execute(f"explain\n{sql}")  # raises the same error, with its position
        raise
    names = _unique_names(relation.columns)
    columns = tuple(Column(name, _postgres_type(type_)) for name, type_ in zip(names, relation.types, strict=True))
    aliases = tuple(f"c{index}" for index in range(len(columns)))
    from_item = f"({sql}) as result({', '.join(aliases)})"
    return BoundStatement(sql, relation, columns, tuple(relation.types), aliases, from_item)


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
