"""Query processes die, hang and outlive nobody; whoever asks next is answered."""

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

from faults.processes import command_of, wait_until_gone
from hallmarket.server.query_engine.types import (
    Format,
    InvalidQuery,
    Query,
    QueryFailed,
    QueryOutOfMemory,
    QueryTimeout,
    Source,
)
from query_engine.conftest import Asking
from support import open_files, wait_until

ENDLESS = "select sum(i * i % 7) from range(100000000000) r(i)"
ONE = "select count(*) from {{table}}"
ORPHANS = """
import asyncio, sys, time
from hallmarket.server.query_engine.pool import Engine
from hallmarket.server.query_engine.types import Column, Query, Source
nothing = Source((), (Column('a', 'text'),))
async def main():
    engine = Engine()
    await engine.ask(Query(nothing, "select 1"))
    asyncio.create_task(engine.ask(Query(nothing, sys.argv[1])))
    await asyncio.sleep(0.2)
    print("asked", flush=True)
    time.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def one(new_asking: Callable[..., Asking]) -> Asking:
    """An engine with a single place and little memory."""
    return new_asking(processes=1, exports=1, memory_mib=128)


def _processes() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children() if "hallmarket.server.query_engine.child" in command_of(child)
    ]


def test_timeout(new_asking: Callable[..., Asking]) -> None:
    """A query that takes too long is ended, its process is gone, and the next is answered."""
    before = {process.pid for process in _processes()}
    hasty = new_asking(processes=1, timeout_s=2)
    with pytest.raises(QueryTimeout, match="longer than 2 s"):
        hasty.ask(ENDLESS)
    assert hasty.rows(ONE) == [{"count": 500}]
    wait_until(lambda: len({process.pid for process in _processes()} - before) <= 1)


def test_killed(one: Asking) -> None:
    """A process that is killed in the middle of a query costs that query only."""

    before = {process.pid for process in _processes()}
    one.ask(ONE)
    [mine] = [process for process in _processes() if process.pid not in before]

    async def ask_and_kill() -> None:
        task = asyncio.create_task(one.engine.ask(Query(one.source, ENDLESS)))
        used = mine.cpu_times().user
        await asyncio.to_thread(wait_until, lambda: mine.cpu_times().user > used + 0.1)
        mine.kill()
        await task

    with pytest.raises(QueryFailed):
        one.run(ask_and_kill())
    assert one.rows(ONE) == [{"count": 500}]


def test_killed_while_idle(one: Asking) -> None:
    """A warm process that died meanwhile is replaced unseen."""
    before = {process.pid for process in _processes()}
    assert one.rows(ONE) == [{"count": 500}]
    [idle] = [process for process in _processes() if process.pid not in before]
    idle.kill()

    async def hear_of_it() -> None:
        while any(process.usable for process in one.engine._idle):  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)

    one.run(hear_of_it())
    assert one.rows(ONE) == [{"count": 500}]


def test_memory(one: Asking) -> None:
    """A query that wants more memory than it may have is told so, and the next is answered."""
    with pytest.raises((QueryOutOfMemory, QueryFailed, QueryTimeout)):
        one.ask("select count(distinct s) from (select repeat(i::text, 200) s from range(10000000) r(i))")
    assert one.rows(ONE) == [{"count": 500}]


def test_many_at_once(new_asking: Callable[..., Asking]) -> None:
    """More questions than processes wait their turn, and each gets its own answer."""
    asking = new_asking(processes=2)

    async def ask(number: int) -> int:
        rows = await asking.engine.ask(Query(asking.source, f"select {number} as x, count(*) from {{{{table}}}}"))
        return int(json.loads(rows.json)[0]["x"])

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*map(ask, range(12)))

    assert asking.run(all_of_them()) == list(range(12))


def test_nothing_is_left_behind(one: Asking) -> None:
    """A query finds nothing of the one before it: every one has an engine made for it alone."""
    assert one.rows("select count(*) from {{table}}", Source((), one.source.columns)) == [{"count": 0}]
    assert one.rows(ONE) == [{"count": 500}]


def test_missing_file(one: Asking, folder: Path) -> None:
    """A file that is not there is an error that does not name it."""
    gone = Source((folder / "gone.parquet",), one.source.columns)
    with pytest.raises(InvalidQuery) as caught:
        one.ask(ONE, gone)
    assert "gone" not in f"{caught.value.message}{caught.value.details}"


def test_no_parquet(one: Asking, folder: Path) -> None:
    """A file that is none of ours is an error that tells nothing of it."""
    with pytest.raises(InvalidQuery) as caught:
        one.ask("select 1", Source((folder / "other.csv",), one.source.columns))
    assert "secret" not in f"{caught.value.message}{caught.value.details}"
    assert "other" not in f"{caught.value.message}{caught.value.details}"


def test_bare(one: Asking) -> None:
    """A query process has nothing of ours: no environment, no files but its pipes, no core dump, no files to write."""
    before = {process.pid for process in _processes()}
    one.ask(ONE)
    [process] = [process for process in _processes() if process.pid not in before]
    environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    assert {entry.split(b"=")[0] for entry in environment if entry} <= {
        *(b"ARROW_DEFAULT_MEMORY_POOL", b"MALLOC_ARENA_MAX", b"TZ", b"LC_ALL"),
    }
    names = open_files(process.pid)
    assert all(name.startswith(("pipe:", "socket:", "/dev/null", "anon_inode:")) for name in names), names
    for resource in (psutil.RLIMIT_CORE, psutil.RLIMIT_FSIZE):
        assert process.rlimit(resource) == (0, 0)
    assert process.cwd() == "/"


def test_ends_with_its_parent() -> None:
    """kill -9 of the parent ends its query processes, in the middle of a query too."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS, ENDLESS], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"asked\n"
    children = psutil.Process(parent.pid).children()
    parent.send_signal(signal.SIGKILL)
    assert children
    parent.wait()
    parent.stdout.close()
    wait_until_gone(children, 60)


def test_slow_reader(one: Asking, new_asking: Callable[..., Asking]) -> None:
    """An export waits for its reader; one that stops reading is given up, and one that goes away costs nothing."""
    endless = Query(one.source, "select repeat('x', 1000) from range(100000000000)")
    impatient = new_asking(processes=1, exports=1, timeout_s=5, stalled_timeout_s=0.2)

    async def stop_reading() -> None:
        async with aclosing(impatient.engine.export(endless, Format.CSV)) as pieces:
            await anext(pieces)
            await asyncio.sleep(0.5)
            async for _piece in pieces:
                pass

    async def go_away() -> int:
        async with aclosing(one.engine.export(endless, Format.CSV)) as pieces:
            async for piece in pieces:
                return len(piece)
        return 0

    with pytest.raises(InvalidQuery):
        impatient.run(stop_reading())
    for _ in range(2):
        assert one.run(go_away()) > 0
    assert one.rows(ONE) == [{"count": 500}]


def test_mistake_in_an_export(one: Asking) -> None:
    """An export that cannot be made says so before its first byte."""

    async def export() -> None:
        async with aclosing(one.engine.export(Query(one.source, "select nope"), Format.CSV)) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(InvalidQuery, match="nope"):
        one.run(export())
