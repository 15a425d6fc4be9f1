"""`hallmarket admin` for organizations and members, and the audit events of its commands."""

import json
import subprocess
import uuid
from typing import Any

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import HALLMARKET, Server


def new_username(server: Server, *options: str) -> str:
    """Create a person and return their username."""
    name = f"jane.{uuid.uuid4().hex[:8]}"
    server.admin("create-user", name, *options)
    return name


def refusal(server: Server, *arguments: str) -> str:
    """Run a command that must fail, and return its message."""
    result = server.run_admin(*arguments)
    assert result.returncode == 1, result.stderr
    return str(json.loads(result.stdout)["error"]["message"])


def events(server: Server, organization: str) -> list[tuple[str, dict[str, Any]]]:
    """Return an organization's audit events, oldest first, all of which must be the operator's."""
    rows = server.query(
        "select action, details, actor_id, actor_key_id, address from audit_event"
        " where organization_id = $1 order by created_on, id",
        organization,
    )
    assert all(row["actor_id"] is row["actor_key_id"] is row["address"] is None for row in rows)
    return [(row["action"], json.loads(row["details"])) for row in rows]


def test_members(server: Server) -> None:
    """Commands add members, change roles and remove members; each change is recorded, and the person is notified."""
    organization = server.admin("create-org", "The Gazette")["id"]
    boss = new_username(server, "--org", organization, "--role", "admin")
    clerk = new_username(server)
    where = ["--org", organization]
    added = server.admin("add-member", clerk, *where)
    assert added == {"username": clerk, "organization": organization, "role": "member"}
    assert server.admin("set-role", clerk, *where, "--role", "admin") == added | {"role": "admin"}
    assert server.admin("set-role", clerk, *where, "--role", "admin")["role"] == "admin"  # and changes nothing
    users = server.admin("list-users", *where)
    assert [(user["username"], user["organizations"]) for user in users] == [
        (name, [{"id": organization, "role": "admin"}]) for name in (boss, clerk)
    ]
    assert list(users[0]) == ["id", "username", "name", "email", "created", "organizations"]
    assert server.admin("remove-member", clerk, *where) == added | {"role": None}
    assert [user["username"] for user in server.admin("list-users", *where)] == [boss]
    assert [action for action, _ in events(server, organization)] == [
        "organization.create",
        "member.add",
        "member.add",
        "member.role",
        "member.remove",
    ]
    notifications = server.query(
        "select type, content->>'text' as text, source_id from notification where organization_id = $1"
        " order by created_on, id",
        organization,
    )
    assert [(row["type"], row["text"], row["source_id"]) for row in notifications] == [
        ("invite", "You are now a member of The Gazette.", None),
        ("other", "You are now an administrator of The Gazette.", None),
        ("other", "You are no longer a member of The Gazette.", None),
    ]


def test_invalid_member_changes(server: Server) -> None:
    """A member cannot be added again, a non-member cannot be changed, and the last administrator cannot be removed."""
    organization = server.admin("create-org", "The Gazette")["id"]
    where = ["--org", organization]
    boss, other = new_username(server, *where, "--role", "admin"), new_username(server)
    assert "already a member" in refusal(server, "add-member", boss, *where)
    assert "no such user" in refusal(server, "add-member", "nobody-at-all", *where)
    assert "not a member" in refusal(server, "remove-member", other, *where)
    assert "not a member" in refusal(server, "set-role", other, *where, "--role", "admin")
    assert "at least one administrator" in refusal(server, "remove-member", boss, *where)
    assert "at least one administrator" in refusal(server, "set-role", boss, *where, "--role", "member")
    assert len(events(server, organization)) == 2


def test_removal_revokes_bound_keys(server: Server, member: Member) -> None:
    """The keys of a removed member that are bound to the organization are listed as revoked."""
    server.admin("remove-member", member.username, "--org", member.organization)
    (key,) = [key for key in server.admin("list-keys") if key["id"] == member.key_id]
    assert key["revoked"] is not None


def test_rename(server: Server, member: Member) -> None:
    """A renamed organization has a new display name and its old slug."""
    before = next(org for org in server.admin("list-orgs") if org["id"] == member.organization)
    assert list(before) == ["id", "slug", "name", "visibility", "members", "created"]
    renamed = server.admin("rename-org", member.organization, " The Näw Gazette ")
    assert renamed == {"id": member.organization, "name": "The Näw Gazette"}
    after = next(org for org in server.admin("list-orgs") if org["id"] == member.organization)
    assert after == before | {"name": "The Näw Gazette"}
    assert (after["members"], after["visibility"]) == (1, "organization")
    assert events(server, member.organization)[-1] == ("organization.update", {"display_name": "The Näw Gazette"})
    with exchange_client(server, member.key) as client:
        assert client.get("/organizations/context").json()["data"]["display_name"] == "The Näw Gazette"


def test_lists_without_json(server: Server) -> None:
    """Without --json each organization and each person is one line, with roles and members."""
    organization = server.admin("create-org", "Lines\x1b[31m")["id"]
    name, alone = new_username(server, "--org", organization), new_username(server)

    def run(*arguments: str) -> list[str]:
        command = [HALLMARKET, "admin", *arguments, *server.database_options]
        shown = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=True).stdout
        return shown.splitlines()

    (line,) = [line for line in run("list-orgs") if line.startswith(organization)]
    assert line.split() == [organization, f"lines-31m{line.split()[1][9:]}", "1", "member", "Lines\\x1b[31m"]
    (line,) = run("list-users", "--org", organization)
    assert line.split()[1:] == [name, "member"]
    lines = run("list-users")
    assert any(line.endswith(f"{name:<16} member of {organization}") for line in lines)
    assert any(line.endswith(f"{alone:<16} in no organization") for line in lines)
    assert run("add-member", alone, "--org", organization) == [f"{alone} is member of {organization} now"]
    assert run("remove-member", alone, "--org", organization) == [f"{alone} is no member of {organization} now"]


def test_first_start_is_recorded(server: Server) -> None:
    """The audit trail records the organization, person and membership that the first start creates."""
    actions = [action for action, _ in events(server, server.organization)]
    assert actions[:2] == ["organization.create", "member.add"]
    made = server.query(
        "select count(*) from audit_event e join person p on p.id = e.subject_id"
        " where e.action = 'user.create' and p.username = 'admin'"
    )
    assert made[0][0] == 1
