"""Each layer of defence holds alone: the allowlist without the translator, the lockdown without the allowlist."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from hallmarket.server.query_engine.allowlist import verify_allowed
from hallmarket.server.query_engine.duckdb_connection import connect
from hallmarket.server.query_engine.errors import RejectedQuery
from hallmarket.server.query_engine.lockdown import locked_to
from hallmarket.server.query_engine.types import Source
from query_engine.hostile_statements import REJECTED, STATEMENTS

# Statements that the allowlist need not reject: in the text that DuckDB gets here they are harmless or errors.
NOT_FOR_ALLOWLIST = (
    *("file name of the row", "row number in the file", "too long", "literal too large", "string too long"),
    *(
        "lists too long",
        "memory by sorting",
        "result too large",
        "unfinished comment",
        "zero byte",
        "for update",
        "who am I",
        "subqueries 500 deep",
    ),
)


@pytest.fixture(scope="module")
def locked(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB locked to the dataset, without the translator and the allowlist in front of it."""
    connection = connect(256)
    with locked_to(connection, source):
        yield connection
    connection.close()


@pytest.mark.parametrize("name", [name for name, (_, outcome) in STATEMENTS.items() if outcome == REJECTED])
def test_allowlist_alone(name: str, locked: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The allowlist rejects statements that DuckDB would run, in DuckDB's own dialect."""
    sql = STATEMENTS[name][0].replace("{{table}}", '"{{table}}"').replace("{folder}", str(folder))
    if name in NOT_FOR_ALLOWLIST:
        return
    with pytest.raises((RejectedQuery, duckdb.Error)):
        verify_allowed(locked, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('{folder}/other.parquet')",
        "select * from '{folder}/other.parquet'",
        "select * from read_csv('{folder}/other.csv')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/proc/self/environ')",
        "select * from glob('/etc/*')",
        "select * from sniff_csv('{folder}/other.csv')",
        "select * from read_parquet('https://example.org/x.parquet')",
        "copy (select 1) to '/tmp/hallmarket-copied'",
        "copy (select 1) to '{folder}/0.parquet'",
        "attach '/tmp/hallmarket-copied'",
        "attach ':memory:' as x; attach '/tmp/hallmarket-copied' as y",
        "install httpfs",
        "load '/tmp/x.so'",
        "set allowed_paths = ['/etc/passwd']",
        "set enable_external_access = true",
        "set memory_limit = '100GB'",
        "set lock_configuration = false",
        "reset memory_limit",
        "pragma memory_limit = '100GB'",
        "set temp_directory = '/tmp'",
        "export database '/tmp/hallmarket-copied'",
        "create persistent secret (type http, bearer_token 'x')",
        "select * from locked",
        "select getenv('HOME')",
    ],
)
def test_lockdown_alone(sql: str, locked: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A locked DuckDB reads no other file, writes none, loads no extension and keeps its settings."""
    with pytest.raises(duckdb.Error) as caught:
        locked.execute(sql.replace("{folder}", str(folder))).fetchall()
    assert "pytz" not in str(caught.value)
    assert locked.execute('select count(*) from "{{table}}"').fetchall() == [(500,)]


def test_paths_stay_hidden(locked: duckdb.DuckDBPyConnection) -> None:
    """Even the definition of the dataset's view does not reveal where its files are."""
    [(definition,)] = locked.execute("select sql from duckdb_views() where not internal").fetchall()
    assert "/dev/fd/" in definition
    assert "kept-away" not in definition
