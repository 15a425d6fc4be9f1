"""Runs one query in DuckDB: lock, translate, check, bind, and write the result."""

import duckdb
import pyarrow as pa

from hallmarket.server.query_engine.allowlist import verify_allowed
from hallmarket.server.query_engine.error_messages import explain_error
from hallmarket.server.query_engine.errors import InvalidQuery, RejectedQuery
from hallmarket.server.query_engine.export import write_export
from hallmarket.server.query_engine.lockdown import locked_to
from hallmarket.server.query_engine.pipe_protocol import QueryRequest, QueryResponse
from hallmarket.server.query_engine.result_page import write_page
from hallmarket.server.query_engine.statement import bind_statement
from hallmarket.server.query_engine.translate_sql import translate_sql
from hallmarket.server.query_engine.types import TABLE, Write

SELECT_ALL = f'select * from "{TABLE}"'


def execute(connection: duckdb.DuckDBPyConnection, request: QueryRequest, write: Write) -> QueryResponse:
    """Run a query on a new connection, pass its result to `write` in pieces, and return what is known about it."""
    query, sql = request.query, ""
    try:
        with locked_to(connection, query.source):
            # From here on the connection reads this version's files only.
            sql = SELECT_ALL if query.sql is None else translate_sql(query.sql)
            verify_allowed(connection, sql)
            statement = bind_statement(connection, sql)
            if request.format is None:
                return write_page(connection, statement, query, request.max_bytes, write)
            return write_export(connection, statement, request.format, write)
    except InvalidQuery as error:
        return QueryResponse(error=error.diagnostic)
    except (RejectedQuery, duckdb.Error, MemoryError, pa.ArrowException, RuntimeError, FileNotFoundError) as error:
        return QueryResponse(error=explain_error(error, query.sql or "", sql))
