"""Requests that overlap in the database on purpose."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

from _support.organizations import User
from _support.servers import Server

Call = tuple[User, str, str, Any]
AUDIT_LOCK = "lock table audit_event in share row exclusive mode"
COUNT_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def run_overlapping(server: Server, calls: Sequence[Call], lock: str = AUDIT_LOCK) -> list[int]:
    """Send requests (person, method, path, body) that are all in progress before the first one ends; return statuses.

    The statement `lock` stops each request inside its transaction: by default where it writes the audit trail. The next
    request is sent once the one before it waits. So they meet in the given order, however busy the machine is.
    """

    def send(call: Call) -> int:
        person, method, path, body = call
        return person.client.request(method, path, json=body).status_code

    async def run() -> list[int]:
        holder, watcher = [await asyncpg.connect(server.postgres_url) for _ in range(2)]
        loop, begun = asyncio.get_running_loop(), []
        with ThreadPoolExecutor(len(calls)) as pool:
            try:
                async with holder.transaction():
                    await holder.execute(lock)
                    for call in calls:
                        begun.append(loop.run_in_executor(pool, send, call))
                        while await watcher.fetchval(COUNT_WAITING) < sum(not one.done() for one in begun):  # noqa: ASYNC110 (PostgreSQL notifies of no lock)
                            await asyncio.sleep(0.005)
            finally:
                await holder.close()
                await watcher.close()
            return list(await asyncio.gather(*begun))

    return asyncio.run(run())
