"""Background jobs: durable with their transaction, tried again, shared, given up, survived."""

import asyncio
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from pgqueuer.domain.settings import DBSettings

from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs import run
from hallmarket.server.jobs.enqueue import enqueue
from jobs.workshop import Bench, ask, running, take_and_die, until
from support import Server

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on, save for its speed."""
    return "asyncio"


@pytest.fixture
def bench() -> Bench:
    """A kind of job that only this test has."""
    return Bench(f"test-{secrets.token_hex(6)}")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes takes moments."""
    monkeypatch.setattr(run, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(run, "DELAY_GROWTH", 1.0)
    monkeypatch.setattr(run, "AWAY_DELAY", timedelta(0))
    monkeypatch.setattr(run, "HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(run, "LOOK_EVERY", timedelta(seconds=0.2))


def test_the_tables_are_the_librarys(server: Server) -> None:
    """The library has nothing to change in our tables, save our shorter form of the function that notifies."""

    async def plan() -> Any:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            return await run.make_queries(connection).plan_upgrade()
        finally:
            await connection.close()

    planned = asyncio.run(plan())
    assert not planned.notes
    assert [statement for statement in planned.statements if "FUNCTION job_changed()" not in statement] == []


def test_the_environment_renames_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library would read from the environment, under names anybody may use, changes none of our tables."""
    for name, field in DBSettings.model_fields.items():
        if field.annotation is not bool:
            monkeypatch.setenv(name.upper(), "volatile")
            monkeypatch.setenv(f"PGQUEUER_{name.upper()}", "volatile")
    assert DBSettings(**run.NAMES.model_dump()) == run.NAMES


async def test_a_job_is_as_durable_as_its_transaction(server: Server, bench: Bench) -> None:
    """What a transaction asked for is done if it commits, and unheard of if it does not."""
    connection = await asyncpg.connect(server.postgres_url)
    try:
        async with running(server, bench.kinds()):
            taken_back = connection.transaction()
            await taken_back.start()
            await enqueue(connection, bench.kind, "taken back")
            await taken_back.rollback()
            async with connection.transaction():
                await enqueue(connection, bench.kind, {"said": "so"})
            await until(lambda: bench.done)
    finally:
        await connection.close()
    assert bench.done == [{"said": "so"}]
    (left,) = await asyncio.to_thread(server.query, "select count(*) from job where entrypoint = $1", bench.kind)
    assert left[0] == 0


async def test_a_failed_try_is_followed_by_another(server: Server, bench: Bench) -> None:
    """A job that fails is tried again, later each time, until it succeeds."""
    left = [RuntimeError("first"), RuntimeError("second")]

    async def work(_payload: Any) -> None:
        if left:
            raise left.pop()

    async with running(server, bench.kinds(work)):
        await ask(server, bench.kind, 7)
        await until(lambda: bench.done)
    assert (bench.done, bench.given_up) == ([7], [])


async def test_a_hopeless_job_is_given_up_with_its_reason(server: Server, bench: Bench) -> None:
    """After the last try its owner is told why, and job and reason are kept for the operator, who sees it counted."""
    tries = Counter[int]()

    async def work(payload: int) -> None:
        tries[payload] += 1
        raise RuntimeError("it never works")

    async with running(server, bench.kinds(work)):
        await ask(server, bench.kind, 1)
        await until(lambda: bench.given_up)
    assert tries[1] == run.MAX_ATTEMPTS
    assert bench.given_up == [(1, "it never works")]
    (kept,) = await asyncio.to_thread(
        server.query,
        "select j.status::text, l.traceback->>'exception_message' as reason"
        " from job j join job_log l on l.job_id = j.id where j.entrypoint = $1 order by l.id desc limit 1",
        bench.kind,
    )
    assert tuple(kept) == ("failed", "it never works")
    assert f'hallmarket_jobs{{kind="{bench.kind}",state="failed"}} 1.0' in metrics(server)


async def test_what_is_away_costs_no_try(server: Server, bench: Bench) -> None:
    """While something a job needs is away it is put off as often as need be, and is not given up for it."""
    away = 2 * run.MAX_ATTEMPTS

    async def work(_payload: Any) -> None:
        nonlocal away
        away -= 1
        if away > 0:
            raise Unavailable

    async with running(server, bench.kinds(work)):
        await ask(server, bench.kind, "patient")
        await until(lambda: bench.done)
    assert (bench.done, bench.given_up) == (["patient"], [])


async def test_what_a_killed_process_had_in_hand_is_done(server: Server, bench: Bench) -> None:
    """kill -9 of a process in the middle of a job: another does it, once the first has been still for a while."""
    await ask(server, bench.kind, "dropped")
    await asyncio.to_thread(take_and_die, server, bench.kind)
    async with running(server, bench.kinds()):
        await until(lambda: bench.done)
    assert bench.done == ["dropped"]


async def test_a_job_that_kills_is_given_up(server: Server, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deaths are tries, too: a job that every process dies of is not begun for ever."""
    monkeypatch.setattr(run, "MAX_ATTEMPTS", 1)
    await ask(server, bench.kind, "deadly")
    await asyncio.to_thread(take_and_die, server, bench.kind)
    async with running(server, bench.kinds()):
        await until(lambda: bench.given_up)
    assert bench.done == []
    assert bench.given_up[0][1] == "It was begun 1 times and never ended."


async def test_two_share_the_work(server: Server, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one database do every job once between them."""
    monkeypatch.setattr(run, "HEARTBEAT_TIMEOUT", timedelta(minutes=1))  # neither takes the other for dead
    async with running(server, bench.kinds()), running(server, bench.kinds()):
        await ask(server, bench.kind, *range(60))
        await until(lambda: len(bench.done) >= 60)
    assert sorted(bench.done) == list(range(60))


async def test_a_stop_finishes_or_gives_back(server: Server, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a stop what ends soon is ended, and what does not is given back and done by the next."""
    monkeypatch.setattr(run, "GRACE_S", 3.0)
    begun = []

    async def work(payload: str) -> None:
        begun.append(payload)
        await asyncio.sleep(0.05 if payload == "short" else 100)

    await ask(server, bench.kind, "short", "long")
    async with running(server, bench.kinds(work)):
        await until(lambda: len(begun) == 2)
    assert bench.done == ["short"]
    async with running(server, bench.kinds()):
        await until(lambda: len(bench.done) == 2)
    assert (bench.done, bench.given_up) == (["short", "long"], [])


async def test_waiting_jobs_are_seen(server: Server, bench: Bench) -> None:
    """Jobs that nobody does yet show in /metrics, and a server leaves kinds alone that it does not know."""
    await ask(server, bench.kind, 1, 2)
    assert f'hallmarket_jobs{{kind="{bench.kind}",state="waiting"}} 2.0' in metrics(server)
    assert f'hallmarket_jobs_oldest_seconds{{kind="{bench.kind}"}}' in metrics(server)


def metrics(server: Server) -> str:
    """The figures, as text."""
    return httpx.get(f"{server.url}/metrics", trust_env=False).text
