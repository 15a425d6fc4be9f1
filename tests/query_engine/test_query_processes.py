"""Query processes that die, hang or lose their parent: the next query still works."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from _support.processes import get_command, list_open_files, wait_until_gone
from _support.waiting import wait_until
from hallmarket.server.query_engine.errors import InvalidQuery, QueryFailed, QueryOutOfMemory, QueryTimeout
from hallmarket.server.query_engine.types import Format, Query, Source
from query_engine.conftest import EngineRunner

ENDLESS = "select sum(i * i % 7) from range(100000000000) r(i)"
COUNT = "select count(*) from {{table}}"
ORPHANS = """
import asyncio, sys, time
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Column, Query, Source
nothing = Source((), (Column('a', 'text'),))
async def main():
    engine = QueryEngine()
    await engine.run(Query(nothing, "select 1"))
    asyncio.create_task(engine.run(Query(nothing, sys.argv[1])))
    await asyncio.sleep(0.2)
    print("started", flush=True)
    time.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def small(new_engine: Callable[..., EngineRunner]) -> EngineRunner:
    """An engine with one process and little memory."""
    return new_engine(max_queries=1, max_exports=1, memory_mib=128)


def _processes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if "hallmarket.server.query_engine.process_main" in get_command(child)
    ]


def test_timeout(new_engine: Callable[..., EngineRunner]) -> None:
    """A query that takes too long is stopped, its process is killed, and the next query works."""
    before = {process.pid for process in _processes()}
    hasty = new_engine(max_queries=1, timeout_s=2)
    with pytest.raises(QueryTimeout, match="longer than 2 s"):
        hasty.query(ENDLESS)
    assert hasty.rows(COUNT) == [{"count": 500}]
    wait_until(lambda: len({process.pid for process in _processes()} - before) <= 1)


def test_killed(small: EngineRunner) -> None:
    """A process that is killed during a query fails that query only."""
    before = {process.pid for process in _processes()}
    small.query(COUNT)
    [process] = [process for process in _processes() if process.pid not in before]

    async def run_and_kill() -> None:
        task = asyncio.create_task(small.engine.run(Query(small.source, ENDLESS)))
        used = process.cpu_times().user
        await asyncio.to_thread(wait_until, lambda: process.cpu_times().user > used + 0.1)
        process.kill()
        await task

    with pytest.raises(QueryFailed):
        small.run(run_and_kill())
    assert small.rows(COUNT) == [{"count": 500}]


def test_killed_while_idle(small: EngineRunner) -> None:
    """A process that dies while idle is replaced without an error."""
    before = {process.pid for process in _processes()}
    assert small.rows(COUNT) == [{"count": 500}]
    [idle] = [process for process in _processes() if process.pid not in before]
    idle.kill()

    async def until_noticed() -> None:
        while any(process.is_usable for process in small.engine._pool._idle):  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.01)

    small.run(until_noticed())
    assert small.rows(COUNT) == [{"count": 500}]


def test_memory(small: EngineRunner) -> None:
    """A query that exceeds its memory limit fails, and the next query works."""
    with pytest.raises((QueryOutOfMemory, QueryFailed, QueryTimeout)):
        small.query("select count(distinct s) from (select repeat(i::text, 200) s from range(10000000) r(i))")
    assert small.rows(COUNT) == [{"count": 500}]


def test_more_queries_than_processes(new_engine: Callable[..., EngineRunner]) -> None:
    """Queries wait for a free process, and each gets its own result."""
    engine = new_engine(max_queries=2)

    async def run(number: int) -> int:
        rows = await engine.engine.run(Query(engine.source, f"select {number} as x, count(*) from {{{{table}}}}"))
        return int(json.loads(rows.json)[0]["x"])

    async def run_all() -> list[int]:
        return await asyncio.gather(*map(run, range(12)))

    assert engine.run(run_all()) == list(range(12))


def test_isolation_between_queries(small: EngineRunner) -> None:
    """A query sees nothing of the one before it: each has its own DuckDB."""
    assert small.rows("select count(*) from {{table}}", Source((), small.source.columns)) == [{"count": 0}]
    assert small.rows(COUNT) == [{"count": 500}]


def test_missing_file(small: EngineRunner, folder: Path) -> None:
    """A missing file is an error that does not name the file."""
    gone = Source((folder / "gone.parquet",), small.source.columns)
    with pytest.raises(InvalidQuery) as caught:
        small.query(COUNT, gone)
    assert "gone" not in f"{caught.value.message}{caught.value.details}"


def test_not_parquet(small: EngineRunner, folder: Path) -> None:
    """A file that is not Parquet is an error that reveals nothing about the file."""
    with pytest.raises(InvalidQuery) as caught:
        small.query("select 1", Source((folder / "other.csv",), small.source.columns))
    assert "secret" not in f"{caught.value.message}{caught.value.details}"
    assert "other" not in f"{caught.value.message}{caught.value.details}"


def test_sandbox(small: EngineRunner) -> None:
    """A query process inherits no environment and no open files, dumps no core and writes no files."""
    before = {process.pid for process in _processes()}
    small.query(COUNT)
    [process] = [process for process in _processes() if process.pid not in before]
    environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    assert {entry.split(b"=")[0] for entry in environment if entry} <= {
        *(b"ARROW_DEFAULT_MEMORY_POOL", b"MALLOC_ARENA_MAX", b"TZ", b"LC_ALL"),
    }
    names = list_open_files(process.pid)
    assert all(name.startswith(("pipe:", "socket:", "/dev/null", "anon_inode:")) for name in names), names
    for resource in (psutil.RLIMIT_CORE, psutil.RLIMIT_FSIZE):
        assert process.rlimit(resource) == (0, 0)
    assert process.cwd() == "/"


def test_ends_with_its_parent() -> None:
    """Killing the parent ends its query processes, even during a query."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS, ENDLESS], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    children = psutil.Process(parent.pid).children()
    parent.send_signal(signal.SIGKILL)
    assert children
    parent.wait()
    parent.stdout.close()
    wait_until_gone(children, 60)


def test_slow_reader(small: EngineRunner, new_engine: Callable[..., EngineRunner]) -> None:
    """An export waits for its reader. It is stopped if the reader stalls, and costs nothing once the reader is gone."""
    endless = Query(small.source, "select repeat('x', 1000) from range(100000000000)")
    impatient = new_engine(max_queries=1, max_exports=1, timeout_s=5, stalled_timeout_s=0.2)

    async def stop_reading() -> None:
        async with aclosing(impatient.engine.export(endless, Format.CSV)) as pieces:
            await anext(pieces)
            await asyncio.sleep(0.5)
            async for _piece in pieces:
                pass

    async def go_away() -> int:
        async with aclosing(small.engine.export(endless, Format.CSV)) as pieces:
            async for piece in pieces:
                return len(piece)
        return 0

    with pytest.raises(InvalidQuery):
        impatient.run(stop_reading())
    for _ in range(2):
        assert small.run(go_away()) > 0
    assert small.rows(COUNT) == [{"count": 500}]


def test_error_in_an_export(small: EngineRunner) -> None:
    """An invalid export fails before its first byte."""

    async def export() -> None:
        async with aclosing(small.engine.export(Query(small.source, "select nope"), Format.CSV)) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(InvalidQuery, match="nope"):
        small.run(export())
