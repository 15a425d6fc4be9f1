"""Writes a page of a statement's result as a JSON array, and counts the whole result."""

import duckdb

from hallmarket.server.query_engine.errors import Diagnostic, ResultTooLarge
from hallmarket.server.query_engine.pipe_protocol import QueryResponse
from hallmarket.server.query_engine.row_encoding import encode_json
from hallmarket.server.query_engine.statement import BoundStatement
from hallmarket.server.query_engine.types import MIB, Query, Write


def write_page(
    connection: duckdb.DuckDBPyConnection, statement: BoundStatement, query: Query, max_bytes: int, write: Write
) -> QueryResponse:
    """Write the page that the query's offset and limit select. Raises ResultTooLarge beyond `max_bytes`."""
    # One row more than requested, to learn whether there are more.
    limit = "" if query.limit is None else f"limit {query.limit + 1}"
    page = f"(select * from {statement.from_item} {limit} offset {query.offset}) as page"
    row_count = written = 0
    separator = b""
    write(b"[")
    for batch_rows, lines in encode_json(connection, statement, page, suffix="\n"):
        objects = bytes(lines).split(b"\n")[:batch_rows]
        selected = objects if query.limit is None else objects[: max(query.limit - row_count, 0)]
        piece = b",".join(selected)
        written += len(piece)
        if written > max_bytes:
            message = f"The result is larger than {max_bytes // MIB} MiB. Request fewer rows, or export the dataset."
            raise ResultTooLarge(Diagnostic(message, ResultTooLarge.code))
        write(separator + piece if selected else b"")
        separator, row_count = b",", row_count + batch_rows
    write(b"]")
    has_more = query.limit is not None and row_count > query.limit
    row_count = row_count if query.limit is None else min(row_count, query.limit)
    total = _count_total(connection, statement, query, row_count, has_more)
    return QueryResponse(
        columns=statement.columns, row_count=row_count, has_more=has_more, total=total, sql=statement.sql
    )


def _count_total(
    connection: duckdb.DuckDBPyConnection, statement: BoundStatement, query: Query, row_count: int, has_more: bool
) -> int | None:
    """The number of rows in the whole result; runs a count only if the page does not show it."""
    if not has_more and (row_count or not query.offset):
        return query.offset + row_count
    if not query.count:
        return None
    [(total,)] = connection.execute(f"select count(*) from {statement.from_item}").fetchall()
    # A query may give another number of rows each time; the total is never smaller than what this page shows.
    return max(int(total), query.offset + row_count + 1) if has_more else int(total)
