"""Background jobs: durable with their transaction, retried, shared among processes, given up, and surviving crashes."""

import asyncio
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from pgqueuer.domain.settings import DBSettings

from _support.servers import Server
from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs import retry, runner
from hallmarket.server.jobs.enqueue import enqueue
from jobs.runners import RecordingHandler, enqueue_committed, running, start_job_and_kill, wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio. The server uses uvloop, which behaves the same."""
    return "asyncio"


@pytest.fixture
def handler() -> RecordingHandler:
    """A handler for a kind of job that only this test uses."""
    return RecordingHandler(f"test-{secrets.token_hex(6)}")


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten delays of minutes to moments."""
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(retry, "DELAY_GROWTH", 1.0)
    monkeypatch.setattr(retry, "UNAVAILABLE_DELAY", timedelta(0))
    monkeypatch.setattr(runner, "HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(runner, "POLL_INTERVAL", timedelta(seconds=0.2))


def test_tables_match_the_library(server: Server) -> None:
    """The library would change nothing in our tables, except our shorter version of the notification function."""

    async def plan() -> Any:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            return await runner.make_queries(connection).plan_upgrade()
        finally:
            await connection.close()

    planned = asyncio.run(plan())
    assert not planned.notes
    assert [statement for statement in planned.statements if "FUNCTION job_changed()" not in statement] == []


def test_environment_renames_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables that the library reads, some with common names, change none of our table names."""
    for name, field in DBSettings.model_fields.items():
        if field.annotation is not bool:
            monkeypatch.setenv(name.upper(), "volatile")
            monkeypatch.setenv(f"PGQUEUER_{name.upper()}", "volatile")
    assert DBSettings(**runner.SCHEMA_NAMES.model_dump()) == runner.SCHEMA_NAMES


async def test_job_commits_with_its_transaction(server: Server, handler: RecordingHandler) -> None:
    """A job is run if the transaction that enqueued it commits, and never if it rolls back."""
    connection = await asyncpg.connect(server.postgres_url)
    try:
        async with running(server, handler.handlers()):
            transaction = connection.transaction()
            await transaction.start()
            await enqueue(connection, handler.kind, "rolled back")
            await transaction.rollback()
            async with connection.transaction():
                await enqueue(connection, handler.kind, {"committed": True})
            await wait_for(lambda: handler.done)
    finally:
        await connection.close()
    assert handler.done == [{"committed": True}]
    (left,) = await asyncio.to_thread(server.query, "select count(*) from job where entrypoint = $1", handler.kind)
    assert left[0] == 0


async def test_failed_attempt_is_retried(server: Server, handler: RecordingHandler) -> None:
    """A job that fails is retried until it succeeds."""
    errors = [RuntimeError("first"), RuntimeError("second")]

    async def work(_payload: Any) -> None:
        if errors:
            raise errors.pop()

    async with running(server, handler.handlers(work)):
        await enqueue_committed(server, handler.kind, 7)
        await wait_for(lambda: handler.done)
    assert (handler.done, handler.given_up) == ([7], [])


async def test_job_is_given_up_with_its_reason(server: Server, handler: RecordingHandler) -> None:
    """After the last attempt the handler gets the reason, and the failed job stays in the table and the metrics."""
    attempts = Counter[int]()

    async def work(payload: int) -> None:
        attempts[payload] += 1
        raise RuntimeError("it never works")

    async with running(server, handler.handlers(work)):
        await enqueue_committed(server, handler.kind, 1)
        await wait_for(lambda: handler.given_up)
    assert attempts[1] == retry.MAX_ATTEMPTS
    assert handler.given_up == [(1, "it never works")]
    (row,) = await asyncio.to_thread(
        server.query,
        "select j.status::text, l.traceback->>'exception_message' as reason"
        " from job j join job_log l on l.job_id = j.id where j.entrypoint = $1 order by l.id desc limit 1",
        handler.kind,
    )
    assert tuple(row) == ("failed", "it never works")
    assert f'hallmarket_jobs{{kind="{handler.kind}",state="failed"}} 1.0' in get_metrics(server)


async def test_unavailable_costs_no_attempt(server: Server, handler: RecordingHandler) -> None:
    """A job that raises Unavailable is delayed as often as necessary, and is not given up."""
    calls_left = 2 * retry.MAX_ATTEMPTS

    async def work(_payload: Any) -> None:
        nonlocal calls_left
        calls_left -= 1
        if calls_left > 0:
            raise Unavailable

    async with running(server, handler.handlers(work)):
        await enqueue_committed(server, handler.kind, "patient")
        await wait_for(lambda: handler.done)
    assert (handler.done, handler.given_up) == (["patient"], [])


async def test_job_of_a_killed_process_is_reclaimed(server: Server, handler: RecordingHandler) -> None:
    """After kill -9 of the process that runs a job, another process runs it once its heartbeat is too old."""
    await enqueue_committed(server, handler.kind, "dropped")
    await asyncio.to_thread(start_job_and_kill, server, handler.kind)
    async with running(server, handler.handlers()):
        await wait_for(lambda: handler.done)
    assert handler.done == ["dropped"]


async def test_job_that_kills_its_process_is_given_up(
    server: Server, handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The death of a process counts as an attempt, so a job that kills every process is not restarted for ever."""
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 1)
    await enqueue_committed(server, handler.kind, "deadly")
    await asyncio.to_thread(start_job_and_kill, server, handler.kind)
    async with running(server, handler.handlers()):
        await wait_for(lambda: handler.given_up)
    assert handler.done == []
    assert handler.given_up[0][1] == "The job was started 1 times and never finished."


async def test_two_runners_share_the_queue(
    server: Server, handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runners on one database run every job exactly once between them."""
    monkeypatch.setattr(runner, "HEARTBEAT_TIMEOUT", timedelta(minutes=1))  # so neither reclaims the other's jobs
    async with running(server, handler.handlers()), running(server, handler.handlers()):
        await enqueue_committed(server, handler.kind, *range(60))
        await wait_for(lambda: len(handler.done) >= 60)
    assert sorted(handler.done) == list(range(60))


async def test_stop_finishes_short_jobs_and_requeues_long_ones(
    server: Server, handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a stop a short job finishes, and a long one returns to the queue for the next runner."""
    monkeypatch.setattr(runner, "STOP_TIMEOUT_S", 3.0)
    started = []

    async def work(payload: str) -> None:
        started.append(payload)
        await asyncio.sleep(0.05 if payload == "short" else 100)

    await enqueue_committed(server, handler.kind, "short", "long")
    async with running(server, handler.handlers(work)):
        await wait_for(lambda: len(started) == 2)
    assert handler.done == ["short"]
    async with running(server, handler.handlers()):
        await wait_for(lambda: len(handler.done) == 2)
    assert (handler.done, handler.given_up) == (["short", "long"], [])


async def test_waiting_jobs_are_in_the_metrics(server: Server, handler: RecordingHandler) -> None:
    """A server leaves jobs without a handler in the queue, and `/metrics` counts them."""
    await enqueue_committed(server, handler.kind, 1, 2)
    assert f'hallmarket_jobs{{kind="{handler.kind}",state="waiting"}} 2.0' in get_metrics(server)
    assert f'hallmarket_jobs_oldest_seconds{{kind="{handler.kind}"}}' in get_metrics(server)


def get_metrics(server: Server) -> str:
    """Fetch `/metrics` as text."""
    return httpx.get(f"{server.url}/metrics", trust_env=False).text
