"""The people of one organization, each with an HTTP client of the exchange dialect, and what they do with teams."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from exchange import exchange_client
from support import Member, Server


class Someone:
    """A person with a key, a client that sends its token, and the name the tests call them by."""

    def __init__(self, member: Member, client: httpx.Client) -> None:
        self.member = member
        self.id = member.person
        self.client = client

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The `data` of an answer, which must have this status."""
        response = self.client.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()["data"]

    def create_team(self, name: str, **fields: Any) -> dict[str, Any]:
        """A new team of theirs."""
        created = self.ask("POST", "/teams/create", json={"team": {"name": name, **fields}})
        assert isinstance(created, dict)
        return created

    def told(self, server: Server) -> list[str]:
        """What they were notified of, oldest first."""
        rows = server.query(
            "select content ->> 'text' as text from notification where destination_id = $1 order by created_on, id",
            self.id,
        )
        return [row["text"] for row in rows]


class Circle:
    """One organization: `boss` administers it; `person()` makes more people, `stranger()` somebody of another."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack
        self.boss = self._enter(server.new_member())
        self.organization = self.boss.member.organization
        self.promote(self.boss)

    def _enter(self, member: Member) -> Someone:
        return Someone(member, self._stack.enter_context(exchange_client(self.server, member.key)))

    def person(self, scopes: str = "") -> Someone:
        """One more member of the organization."""
        return self._enter(self.server.new_member(organization=self.organization, scopes=scopes))

    def stranger(self) -> Someone:
        """A member of an organization of their own."""
        return self._enter(self.server.new_member())

    def free(self, someone: Someone) -> Someone:
        """The same person with a key that is bound to no organization."""
        return self._enter(self.server.new_key(someone.member))

    def promote(self, someone: Someone) -> None:
        """Make somebody an administrator of the organization."""
        self.server.query(
            "update membership set role = 'admin' where organization_id = $1 and person_id = $2",
            self.organization,
            someone.id,
        )

    def dismiss(self, someone: Someone) -> None:
        """Put somebody out of the organization."""
        self.server.query(
            "delete from membership where organization_id = $1 and person_id = $2", self.organization, someone.id
        )

    def default_team(self) -> str:
        """The id of the organization's default team."""
        (row,) = self.server.query("select id from team where organization_id = $1 and is_default", self.organization)
        return str(row["id"])

    def trail(self, team_id: str) -> list[str]:
        """What was done about a team, in order."""
        rows = self.server.query(
            "select action from audit_event where organization_id = $1"
            " and $2 in (subject_id, (details ->> 'team')::uuid) order by created_on, id",
            self.organization,
            UUID(team_id),
        )
        return [row["action"] for row in rows]


@contextmanager
def new_circle(server: Server) -> Iterator[Circle]:
    """A new organization with its administrator."""
    with ExitStack() as stack:
        yield Circle(server, stack)


Call = tuple[Someone, str, str, Any]
LOCK = "lock table audit_event in share row exclusive mode"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def at_once(server: Server, calls: Sequence[Call], lock: str = LOCK) -> list[int]:
    """The statuses of requests (who, method, path, body) that are all under way before the first is done.

    Each is held up in its transaction by `lock`, where it writes the audit trail unless told, or by another before
    that, and then the next begins; so they meet in the order given, whatever the machine has to do besides.
    """

    def send(call: Call) -> int:
        who, method, path, body = call
        return who.client.request(method, path, json=body).status_code

    async def run() -> list[int]:
        holder, watcher = [await asyncpg.connect(server.postgres_url) for _ in range(2)]
        loop, begun = asyncio.get_running_loop(), []
        with ThreadPoolExecutor(len(calls)) as pool:
            try:
                async with holder.transaction():
                    await holder.execute(lock)
                    for call in calls:
                        begun.append(loop.run_in_executor(pool, send, call))
                        while await watcher.fetchval(WAITING) < sum(not one.done() for one in begun):  # noqa: ASYNC110 (nobody tells)
                            await asyncio.sleep(0.005)
            finally:
                await holder.close()
                await watcher.close()
            return list(await asyncio.gather(*begun))

    return asyncio.run(run())
