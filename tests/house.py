"""An organization to try things in: an administrator, a plain member, and what became of them."""

import secrets
from contextlib import ExitStack
from typing import Any

import httpx

from exchange import exchange_client
from support import Member, Server


class House:
    """An organization with an administrator and a plain member, each with a client."""

    def __init__(self, server: Server, clients: ExitStack) -> None:
        self.server = server
        self.clients = clients
        self.boss, self.clerk = server.new_member(), server.new_member()
        self.as_boss, self.as_clerk = self.client_of(self.boss), self.client_of(self.clerk)
        body = {"organization": {"name": f"house-{secrets.token_hex(6)}", "display_name": "The House"}}
        self.id = str(self.as_boss.post("/organizations/create", json=body).json()["data"]["id"])
        self.path = f"/organizations/{self.id}"
        self.add(self.clerk)

    def client_of(self, person: Member) -> httpx.Client:
        """A client with a key of the person's that is bound to nothing."""
        key = self.server.new_key(person).key
        return self.clients.enter_context(exchange_client(self.server, key))

    def add(self, person: Member, role: str = "member") -> None:
        """Make a person a member."""
        body = {"username": person.username, "role": role}
        response = self.as_boss.post(f"{self.path}/members", json=body)
        assert response.status_code == 200, response.text

    def change(self, **fields: Any) -> None:
        """Change the organization."""
        assert self.as_boss.put(self.path, json={"organization": fields}).status_code == 200

    @property
    def roles(self) -> dict[str, str]:
        """Everybody's role, by username, straight from the database."""
        rows = self.server.query(
            "select p.username, m.role from membership m join person p on p.id = m.person_id"
            " where m.organization_id = $1",
            self.id,
        )
        return {row["username"]: row["role"] for row in rows}

    def events(self, action: str) -> list[dict[str, Any]]:
        """The audit trail's entries of one action, oldest first."""
        return [
            dict(row)
            for row in self.server.query(
                "select * from audit_event where organization_id = $1 and action = $2 order by created_on, id",
                self.id,
                action,
            )
        ]

    def told(self, person: Member) -> list[tuple[str, str, str | None]]:
        """What a person was notified of about the house: type, text, and from whom."""
        rows = self.server.query(
            "select type, content->>'text' as text, source_id::text from notification"
            " where destination_id = $1 and organization_id = $2 order by created_on, id",
            person.person,
            self.id,
        )
        return [(row["type"], row["text"], row["source_id"]) for row in rows]
