"""Queries over a million rows, compared with DuckDB on the same files and with Datasette; exports of ten million rows.

python -m bench.query
"""

import contextlib
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil

from _support.clients import get_token
from _support.servers import Server, new_server
from _support.waiting import wait_until
from bench.table import Row, print_rows, ratio_row

ROUNDS = 15
ROWS, MANY = 1_000_000, 10_000_000
OVERHEAD_MS = 15
GENERATED = """
select i as id, i * 7919 % 1000 as place, 'name ' || i as name, hash(i)::double / 2^64 as share, i % 2 = 0 as even,
       (i / 7)::decimal(18, 4) as price, timestamptz '2020-01-01 00:00:00+00' + to_seconds(i) as moment,
       date '2020-01-01' + (i % 3000)::int as day, md5(i::varchar) as mark,
       case when i % 10 > 0 then i % 77 end as maybe
from range(?) as r(i)
"""
GROUPED = (
    "select place, count(*) as n, avg(share) as mean, max(price) as most from {{table}} group by place order by place"
)
TOP = "select * from {{table}} where share < 0.5 and maybe > 10 order by moment desc limit 20"
QUERIES = {"group by": GROUPED, "filtered top 20": TOP}


def run(rounds: int = ROUNDS, many: int = MANY) -> list[Row]:
    """Run the same queries on the server, DuckDB and Datasette in turn; then export."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary, new_server(query_timeout_s=60) as server:
        folder = Path(temporary)
        client = httpx.Client(
            base_url=server.url, headers={"authorization": _token(server)}, timeout=600, trust_env=False
        )
        with client:
            dataset = _upload(client, _make(folder, ROWS))
            files = _files(server)
            with _datasette(folder, files) as sqlite:
                for name, sql in QUERIES.items():
                    rows += _compare(name, sql, _query_over_http(client, dataset, sql), files, sqlite, rounds)
            dataset = _upload(client, _make(folder, many))
            rows += _export(server, client, dataset, many)
    return rows


def _make(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.parquet"
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"copy ({GENERATED.replace('?', str(rows))}) to '{path}' (format parquet)")
    return path


def _token(server: Server) -> str:
    return get_token(server, server.new_member().key)


def _upload(client: httpx.Client, path: Path) -> str:
    with path.open("rb") as content:
        response = client.post("/datasets/create/from-file", files={"file": (path.name, content)})
    assert response.status_code == 200, response.text
    return str(response.json()["data"]["id"])


def _files(server: Server) -> list[str]:
    return sorted(map(str, (server.data / "tables").glob("*/*/*.parquet")))


def _query_over_http(client: httpx.Client, dataset: str, sql: str) -> Callable[[], int]:
    def run_query() -> int:
        response = client.post(f"/datasets/{dataset}/query-custom", json={"query": sql})
        assert response.status_code == 200, response.text
        return len(response.json()["data"])

    return run_query


def _query_in_duckdb(connection: duckdb.DuckDBPyConnection, files: list[str], sql: str) -> Callable[[], int]:
    query = sql.replace("{{table}}", f"read_parquet({files!r})")
    return lambda: int(connection.sql(query).to_arrow_table().num_rows)


def _compare(
    name: str, sql: str, our_query: Callable[[], int], files: list[str], sqlite: str, rounds: int
) -> list[Row]:
    with duckdb.connect() as connection, httpx.Client(timeout=600, trust_env=False) as client:
        connection.execute("set TimeZone = 'UTC'")
        query = {"sql": sql.replace("{{table}}", "rows"), "_shape": "array"}
        contenders = ("ours", our_query), ("raw", _query_in_duckdb(connection, files, sql)), (
            "datasette", lambda: len(client.get(f"{sqlite}/rows.json", params=query).raise_for_status().json())
        )  # fmt: skip
        assert len({measured() for _, measured in contenders}) == 1, "the row counts differ"
        seen: dict[str, list[float]] = {who: [] for who, _ in contenders}
        for number in range(rounds):
            for who, measured in contenders:
                if who != "datasette" or number < max(rounds // 3, 1):
                    started = time.perf_counter()
                    measured()
                    seen[who].append((time.perf_counter() - started) * 1000)
    ours, raw, others = (statistics.median(seen[who]) for who in ("ours", "raw", "datasette"))
    allowed = 1.3 * raw + OVERHEAD_MS
    return [
        Row(
            what=f"{name} over {ROWS:,} rows x 10 columns, over HTTP",
            hallmarket=f"{ours:,.1f} ms",
            baseline=f"{raw:,.1f} ms, DuckDB on the same files; {allowed:,.1f} ms are allowed",
            figure=round(allowed / ours, 2),
            target=1,
            met=ours <= allowed,
        ),
        ratio_row("the same, queries per second", 1000 / ours, 1000 / others, "/s", "Datasette on the same rows", 8),
    ]


@contextlib.contextmanager
def _datasette(folder: Path, files: list[str]) -> Iterator[str]:
    path = folder / "rows.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        with duckdb.connect() as connection:
            found = connection.execute(
                "select id, place, name, share, even::int, price::double, epoch_us(moment), day::varchar, mark, maybe"
                f" from read_parquet({files!r})"
            )
            database.execute(
                "create table rows (id integer primary key, place integer, name text, share real, even integer,"
                " price real, moment integer, day text, mark text, maybe integer)"
            )
            while chunk := found.fetchmany(100_000):
                database.executemany(f"insert into rows values ({', '.join('?' * 10)})", chunk)
        database.commit()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ["--setting", "sql_time_limit_ms", "600000", "--setting", "max_returned_rows", "100000"]
    program = shutil.which("datasette", path=str(Path(sys.executable).parent))
    assert program is not None
    process = subprocess.Popen(
        [program, "serve", str(path), "--port", str(port), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_up(url), timeout_s=60)
        yield url
    finally:
        process.terminate()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/versions.json", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _export(server: Server, client: httpx.Client, dataset: str, rows: int) -> list[Row]:
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    before, peak = _memory(parent), {"server": 0, "query": 0}
    started, seen = time.perf_counter(), 0
    with client.stream("GET", f"/datasets/{dataset}/export") as response:
        assert response.status_code == 200
        for number, chunk in enumerate(response.iter_raw()):
            seen += chunk.count(b"\n")
            if number % 400 == 0:
                now = _memory(parent)
                peak = {who: max(peak[who], now[who]) for who in peak}
    elapsed_s = time.perf_counter() - started
    assert seen == rows + 1
    grown = {who: peak[who] - before[who] for who in peak}
    return [
        Row(
            what=f"export of {rows:,} rows x 10 columns as CSV",
            hallmarket=f"{rows / elapsed_s:,.0f} rows/s",
            baseline="300,000 rows/s",
            figure=round(rows / elapsed_s),
            target=300_000,
            met=rows / elapsed_s >= 300_000,
        ),
        Row(
            what="memory growth of the server meanwhile, MiB below 64",
            hallmarket=f"{grown['server']:+,} MiB",
            baseline=f"{grown['query']:+,} MiB of its query processes, which are limited",
            figure=64 - grown["server"],
            target=0,
            met=grown["server"] < 64,
        ),
    ]


def _memory(parent: psutil.Process) -> dict[str, int]:
    """Return resident memory in MiB: of the server's Python processes, and of its query processes."""
    found: dict[str, Any] = {"server": 0, "query": 0}
    for process in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            command = process.cmdline()
            if "hallmarket.server.query_engine.process_main" in command:
                found["query"] += process.memory_info().rss >> 20
            elif "python" in Path(command[0] if command else "").name:
                found["server"] += process.memory_info().rss >> 20
    return found


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
