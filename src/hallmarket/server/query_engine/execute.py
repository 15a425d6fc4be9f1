"""Runs one query in a DuckDB of its own, locked before it hears the caller's words."""

import json

import duckdb
import pyarrow as pa

from hallmarket.server.query_engine.allowlist import TABLE, Refused, judge
from hallmarket.server.query_engine.encode import json_row, quote
from hallmarket.server.query_engine.error_messages import explain_error
from hallmarket.server.query_engine.lock import Files, lock
from hallmarket.server.query_engine.statement import PreparedStatement
from hallmarket.server.query_engine.translate import Untranslatable, refuse, translate
from hallmarket.server.query_engine.types import MIB, Ending, Job, Query, QueryError, ResultTooLarge
from hallmarket.server.query_engine.write import Write, write_all


class TooLarge(Exception):
    """A result has more bytes than an answer may have."""


def run(connection: duckdb.DuckDBPyConnection, job: Job, write: Write) -> Ending:
    """Answer a job: pieces of the answer go to `write`, what there is to say of it is returned."""
    query, ran = job.query, ""
    with Files(query.source.paths) as names:
        try:
            lock(connection, names, query.source)
            ran = translate(query.sql) if query.sql is not None else f"select * from {quote(TABLE)}"
            judge(json.loads(connection.execute("select json_serialize_sql(?)", [ran]).fetchall()[0][0]))
            asked = PreparedStatement(connection, ran)
            if job.format is None:
                return _answer_page(asked, query, ran, job.max_bytes, write)
            rows = write_all(asked, job.format, write)
            return Ending(columns=asked.columns, rows=rows, total=rows, sql=ran)
        except Untranslatable as error:
            return Ending(error.mistake)
        except Refused as error:
            return Ending(refuse(error, query.sql or ""))
        except TooLarge:
            most = job.max_bytes // MIB
            message = f"The result is larger than {most} MiB; ask for fewer rows, or export the dataset."
            return Ending(QueryError(message, ResultTooLarge.code))
        except (duckdb.Error, MemoryError, pa.ArrowException, RuntimeError) as error:
            return Ending(explain_error(error, query.sql or "", ran))


def _answer_page(asked: PreparedStatement, query: Query, ran: str, max_bytes: int, write: Write) -> Ending:
    # One row too many says that there is more.
    cut = "" if query.limit is None else f"limit {query.limit + 1}"
    page = f"select * from {asked.table} {cut} offset {query.offset}"
    row = json_row(asked.names, asked.types, asked.inner)
    rows = written = 0
    last = b""
    write(b"[")
    for found, lines in asked.lines(f"select {row} || chr(10) as line from ({page}) as page"):
        objects = bytes(lines).split(b"\n")[:found]
        kept = objects if query.limit is None else objects[: max(query.limit - rows, 0)]
        piece = b",".join(kept)
        written += len(piece)
        if written > max_bytes:
            raise TooLarge
        write(last + piece if kept else b"")
        last, rows = b",", rows + found
    write(b"]")
    has_more = query.limit is not None and rows > query.limit
    rows = min(rows, query.limit) if query.limit is not None else rows
    total = _total(asked, query, rows, has_more)
    return Ending(columns=asked.columns, rows=rows, has_more=has_more, total=total, sql=ran)


def _total(asked: PreparedStatement, query: Query, rows: int, has_more: bool) -> int | None:
    """The size of the whole result; counted only where the page does not show it."""
    if not has_more and (rows or not query.offset):
        return query.offset + rows
    if not query.count:
        return None
    return max(asked.count(), query.offset + rows + 1) if has_more else asked.count()
