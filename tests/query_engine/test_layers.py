"""Each wall holds without the others: the judge without the translator, the lock without the judge."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from hallmarket.server.query_engine.allowlist import Refused, judge
from hallmarket.server.query_engine.lock import Files, connect, lock
from hallmarket.server.query_engine.types import Source
from query_engine.hostile import REFUSED, STATEMENTS

# What DuckDB itself reads as harmless or as its own mistake, and so is no matter of the judge.
NO_MATTER = (
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
    """An engine locked to the dataset, without judge and translator in front of it."""
    connection = connect(256)
    with Files(source.paths) as names:
        lock(connection, names, source)
        yield connection
    connection.close()


@pytest.mark.parametrize("name", [name for name, (_, becomes) in STATEMENTS.items() if becomes == REFUSED])
def test_judge_alone(name: str, locked: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The judge refuses what the engine would read, whoever wrote it."""
    sql = STATEMENTS[name][0].replace("{{table}}", '"{{table}}"').replace("{folder}", str(folder))
    if name in NO_MATTER:
        return
    with pytest.raises((Refused, duckdb.Error)):
        judge(json.loads(locked.execute("select json_serialize_sql(?)", [sql]).fetchall()[0][0]))


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
def test_lock_alone(sql: str, locked: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The engine itself reads no other file, writes none, loads nothing and keeps its settings."""
    with pytest.raises(duckdb.Error) as caught:
        locked.execute(sql.replace("{folder}", str(folder))).fetchall()
    assert "pytz" not in str(caught.value)
    assert locked.execute('select count(*) from "{{table}}"').fetchall() == [(500,)]


def test_paths_are_ours(locked: duckdb.DuckDBPyConnection) -> None:
    """Not even the definition of the dataset's view says where its files lie."""
    [(definition,)] = locked.execute("select sql from duckdb_views() where not internal").fetchall()
    assert "/dev/fd/" in definition
    assert "kept-away" not in definition
