"""One organization and its people, each with an HTTP client of the exchange dialect."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID

import httpx

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import Server


class User:
    """A person with an API key and a client that sends the token bought with it."""

    def __init__(self, member: Member, client: httpx.Client) -> None:
        self.member = member
        self.id = member.person
        self.client = client

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Send a request, check the status of its response and return the response's `data`."""
        response = self.client.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()["data"]

    def create_team(self, name: str, **fields: Any) -> dict[str, Any]:
        """Create a team and return it."""
        created = self.call("POST", "/teams/create", json={"team": {"name": name, **fields}})
        assert isinstance(created, dict)
        return created

    def notification_texts(self, server: Server) -> list[str]:
        """Return the texts of this person's notifications, oldest first."""
        rows = server.query(
            "select content ->> 'text' as text from notification where destination_id = $1 order by created_on, id",
            self.id,
        )
        return [row["text"] for row in rows]


class Organization:
    """An organization with one administrator; create it with `new_organization`."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack
        self.admin = self._enter(server.new_member())
        self.id = self.admin.member.organization
        self.make_admin(self.admin)

    def _enter(self, member: Member) -> User:
        return User(member, self._stack.enter_context(exchange_client(self.server, member.key)))

    def new_user(self, scopes: str = "") -> User:
        """Create one more member of the organization."""
        return self._enter(self.server.new_member(organization=self.id, scopes=scopes))

    def new_outsider(self) -> User:
        """Create a person in another new organization."""
        return self._enter(self.server.new_member())

    def with_unbound_key(self, person: User) -> User:
        """Return the same person with a key that is bound to no organization."""
        return self._enter(self.server.new_key(person.member))

    def make_admin(self, person: User) -> None:
        """Make a member an administrator of the organization."""
        self.server.query(
            "update membership set role = 'admin' where organization_id = $1 and person_id = $2", self.id, person.id
        )

    def remove_member(self, person: User) -> None:
        """Delete a person's membership."""
        self.server.query("delete from membership where organization_id = $1 and person_id = $2", self.id, person.id)

    def default_team_id(self) -> str:
        """Return the id of the organization's default team."""
        (row,) = self.server.query("select id from team where organization_id = $1 and is_default", self.id)
        return str(row["id"])

    def audit_actions(self, team_id: str) -> list[str]:
        """Return the actions that the audit trail has of a team, oldest first."""
        rows = self.server.query(
            "select action from audit_event where organization_id = $1"
            " and $2 in (subject_id, (details ->> 'team')::uuid) order by created_on, id",
            self.id,
            UUID(team_id),
        )
        return [row["action"] for row in rows]


@contextmanager
def new_organization(server: Server) -> Iterator[Organization]:
    """Create an organization with its administrator; close all its people's clients at the end."""
    with ExitStack() as stack:
        yield Organization(server, stack)
