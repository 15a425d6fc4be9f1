"""An organization that its administrator created through the API, with a plain member."""

import secrets
from contextlib import ExitStack
from typing import Any

import httpx

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import Server


class ManagedOrganization:
    """An organization with an administrator and a plain member, each with a client."""

    def __init__(self, server: Server, clients: ExitStack) -> None:
        self.server = server
        self.clients = clients
        self.admin, self.member = server.new_member(), server.new_member()
        self.admin_client, self.member_client = self.client_of(self.admin), self.client_of(self.member)
        body = {"organization": {"name": f"org-{secrets.token_hex(6)}", "display_name": "The House"}}
        self.id = str(self.admin_client.post("/organizations/create", json=body).json()["data"]["id"])
        self.path = f"/organizations/{self.id}"
        self.add_member(self.member)

    def client_of(self, person: Member) -> httpx.Client:
        """Open a client with a new key of the person that is bound to no organization."""
        key = self.server.new_key(person).key
        return self.clients.enter_context(exchange_client(self.server, key))

    def add_member(self, person: Member, role: str = "member") -> None:
        """Add a person as a member."""
        body = {"username": person.username, "role": role}
        response = self.admin_client.post(f"{self.path}/members", json=body)
        assert response.status_code == 200, response.text

    def update(self, **fields: Any) -> None:
        """Update fields of the organization."""
        assert self.admin_client.put(self.path, json={"organization": fields}).status_code == 200

    @property
    def roles(self) -> dict[str, str]:
        """Every member's role by username, read from the database."""
        rows = self.server.query(
            "select p.username, m.role from membership m join person p on p.id = m.person_id"
            " where m.organization_id = $1",
            self.id,
        )
        return {row["username"]: row["role"] for row in rows}

    def audit_events(self, action: str) -> list[dict[str, Any]]:
        """Return the audit trail's entries of one action, oldest first."""
        return [
            dict(row)
            for row in self.server.query(
                "select * from audit_event where organization_id = $1 and action = $2 order by created_on, id",
                self.id,
                action,
            )
        ]

    def notifications(self, person: Member) -> list[tuple[str, str, str | None]]:
        """Return a person's notifications about the organization: type, text and source."""
        rows = self.server.query(
            "select type, content->>'text' as text, source_id::text from notification"
            " where destination_id = $1 and organization_id = $2 order by created_on, id",
            person.person,
            self.id,
        )
        return [(row["type"], row["text"], row["source_id"]) for row in rows]
