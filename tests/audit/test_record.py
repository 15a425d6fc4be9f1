"""Recording in the audit trail: an event commits with its change, and is never changed afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import Server
from hallmarket.server.audit.record import record
from hallmarket.server.identity import api_keys
from hallmarket.server.principal import OPERATOR, Origin, Person, Principal, job_for
from hallmarket.server.rooms import SCOPES

Work = Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]]


def run(server: Server, work: Work) -> None:
    """Run work on a connection with the server's own role and database."""

    async def connect() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(connect())


CHANGES = {
    "update": "update audit_event set action = 'key.revoke'",
    "update of one": "update audit_event set details = '{}' where id = (select id from audit_event limit 1)",
    "update of none": "update audit_event set action = 'key.revoke' where false",
    "delete": "delete from audit_event",
    "truncate": "truncate audit_event",
    "merge": "merge into audit_event e using organization o on e.organization_id = o.id when matched then delete",
    "upsert": "insert into audit_event (id, action) select id, 'key.revoke' from audit_event limit 1"
    " on conflict (id) do update set action = excluded.action",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
def test_trail_only_grows(server: Server, member: Member, statement: str) -> None:
    """The database rejects every way of changing or removing an event, for the server's own role."""
    before = server.query("select * from audit_event order by id")
    assert before

    async def change(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)

    run(server, change)
    after = {row["id"]: row for row in server.query("select * from audit_event")}
    assert all(after[row["id"]] == row for row in before)


def test_event_commits_and_rolls_back_with_its_change(server: Server, member: Member) -> None:
    """A new key has its event; a key that is rolled back has none."""

    async def make(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for fails in (True, False):
            transaction = connection.transaction()
            await transaction.start()
            made = await api_keys.create_key(connection, b"secret", member.username, scopes=SCOPES, known_scopes=SCOPES)
            await api_keys.revoke_key(connection, made.id)
            await (transaction.rollback() if fails else transaction.commit())
            counts = [
                await connection.fetchval(f"select count(*) from {table} where {column} = $1", made.id)
                for table, column in (("api_key", "id"), ("audit_event", "subject_id"))
            ]
            assert counts == ([0, 0] if fails else [1, 2])

    run(server, make)


def test_failed_event_rolls_back_the_change(server: Server, member: Member) -> None:
    """If an event cannot be recorded, its change is rolled back."""
    organization = UUID(member.organization)

    async def change_and_record(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        async with connection.transaction():
            await connection.execute("update organization set mission = 'None' where id = $1", organization)
            await record(connection, job_for(uuid4()), "organization.update", subject_id=organization)

    async def change(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await change_and_record(connection)
        assert await connection.fetchval("select mission from organization where id = $1", organization) is None

    run(server, change)


def test_rejected_request_leaves_no_event(server: Server, member: Member) -> None:
    """A rejected request and one without effect record no event."""
    count = "select count(*) from audit_event where organization_id = $1"
    with exchange_client(server, member.key) as client:
        made = client.post("/user/api-keys", json={"name": "x"}).json()["data"]
        client.delete(f"/user/api-keys/{made['id']}")
        before = server.query(count, member.organization)
        client.delete(f"/user/api-keys/{made['id']}")
        client.delete(f"/user/api-keys/{uuid4()}")
        client.post("/user/api-keys", json={"name": "x", "scopes": ["root"]})
        client.post("/user/api-keys", json={"name": "x", "organization_id": str(uuid4())})
    server.run_admin("revoke-key", made["id"])
    server.run_admin("revoke-key", str(uuid4()))
    assert server.query(count, member.organization) == before


def test_owner_of_a_personal_event(server: Server, member: Member) -> None:
    """Without an organization an event belongs to the actor, unless it names the person it concerns."""
    person, subject = UUID(member.person), uuid4()

    async def write(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await record(connection, job_for(person), "test.own", subject_id=subject)
        await record(connection, OPERATOR, "test.theirs", subject_id=subject, person_id=person)
        await record(connection, OPERATOR, "test.nobodys", subject_id=subject)
        rows = await connection.fetch("select person_id from audit_event where subject_id = $1 order by id", subject)
        assert [row["person_id"] for row in rows] == [person, person, None]

    run(server, write)


def test_origin_is_recorded(server: Server, member: Member) -> None:
    """An event has its principal's address, user agent and request id; the user agent is cut, and has no NUL."""
    origin = Origin("203.0.113.7", "Scanner\0/1.0 " + "x" * 600, "scan-0001")
    principal = Principal(means="session", person=Person(UUID(member.person)), origin=origin)
    subject = uuid4()

    async def write(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await record(connection, principal, "test.origin", subject_id=subject)
        await record(connection, OPERATOR, "test.origin", subject_id=subject)
        query = "select address, user_agent, request_id from audit_event where subject_id = $1 order by id"
        first, second = await connection.fetch(query, subject)
        assert tuple(first) == ("203.0.113.7", ("Scanner/1.0 " + "x" * 600)[:512], "scan-0001")
        assert tuple(second) == (None, None, None)

    run(server, write)


@pytest.mark.parametrize("action", ["key", "Key.create", "key.create now", "key.", ""])
def test_action_is_a_noun_and_a_verb(server: Server, action: str) -> None:
    """The database rejects an event whose action is not a noun and a verb."""

    async def write(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        with pytest.raises(asyncpg.CheckViolationError):
            await record(connection, OPERATOR, action)

    run(server, write)
