"""`hallmarket admin`: the verbs about people and the organizations they belong to."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli.admin._shared import common_options, run_work, tell


@click.command(
    "create-user", epilog="Example: hallmarket admin create-user jane --org ID --firstname Jane --role admin"
)
@click.argument("username")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="the organization they belong to")
@click.option("--firstname", metavar="TEXT")
@click.option("--lastname", metavar="TEXT")
@click.option("--email", metavar="ADDRESS")
@click.option("--role", type=click.Choice(["member", "admin"]), default="member", help="in that organization")
@common_options
def create_user(
    username: str,
    organization_id: UUID | None,
    firstname: str | None,
    lastname: str | None,
    email: str | None,
    role: str,
    **common: Any,
) -> None:
    """Make a person."""
    from hallmarket.server.identity.register import create_person

    made = run_work(
        common,
        lambda connection, _: create_person(
            connection,
            username,
            organization_id=organization_id,
            role=role,
            firstname=firstname,
            lastname=lastname,
            email=email,
        ),
    )
    organization = None if organization_id is None else str(organization_id)
    tell(common, {"id": str(made), "username": username, "organization": organization}, f"user {username} {made}")


@click.command("list-users", epilog="Example: hallmarket admin list-users --org ID")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="only the members of this organization")
@common_options
def list_users(organization_id: UUID | None, **common: Any) -> None:
    """List people, oldest first, with the organizations they belong to."""
    from hallmarket.server.identity import operate

    rows = run_work(common, lambda connection, _: operate.list_users(connection, organization_id))
    shown = [
        {
            "id": str(row["id"]),
            "username": row["username"],
            "name": row["name"],
            "email": row["email"],
            "created": row["created_on"].isoformat(),
            "organizations": [
                {"id": str(organization), "role": role}
                for organization, role in zip(row["organizations"], row["roles"], strict=True)
            ],
        }
        for row in rows
    ]
    lines = [f"{user['id']}  {user['username']:<16} {_belonging(user, organization_id)}" for user in shown]
    tell(common, shown, "\n".join(lines) or "There are no people.")


def _belonging(user: dict[str, Any], organization_id: UUID | None) -> str:
    """A person's role in the organization asked for, or every one of theirs."""
    places = user["organizations"]
    if organization_id is not None:
        return str(next(place["role"] for place in places if place["id"] == str(organization_id)))
    return ", ".join(f"{place['role']} of {place['id']}" for place in places) or "in no organization"


_member = click.argument("username")
_where = click.option("--org", "organization_id", type=click.UUID, metavar="ID", required=True, help="the organization")
_roles = click.Choice(["member", "admin"])


@click.command("add-member", epilog="Example: hallmarket admin add-member jane --org ID --role admin")
@_member
@_where
@click.option("--role", type=_roles, default="member", show_default=True, help="in that organization")
@common_options
def add_member(username: str, organization_id: UUID, role: str, **common: Any) -> None:
    """Make somebody a member of an organization."""
    from hallmarket.server.identity import operate

    run_work(common, lambda connection, _: operate.add(connection, organization_id, username, role))
    _tell_member(common, username, organization_id, role)


@click.command("set-role", epilog="Example: hallmarket admin set-role jane --org ID --role admin")
@_member
@_where
@click.option("--role", type=_roles, required=True, help="in that organization")
@common_options
def set_role(username: str, organization_id: UUID, role: str, **common: Any) -> None:
    """Give a member of an organization another role; the last administrator keeps theirs."""
    from hallmarket.server.identity import operate

    run_work(common, lambda connection, _: operate.give_role(connection, organization_id, username, role))
    _tell_member(common, username, organization_id, role)


@click.command("remove-member", epilog="Example: hallmarket admin remove-member jane --org ID")
@_member
@_where
@common_options
def remove_member(username: str, organization_id: UUID, **common: Any) -> None:
    """Take somebody out of an organization, and revoke their keys bound to it."""
    from hallmarket.server.identity import operate

    run_work(common, lambda connection, _: operate.remove(connection, organization_id, username))
    _tell_member(common, username, organization_id, None)


def _tell_member(common: dict[str, Any], username: str, organization_id: UUID, role: str | None) -> None:
    shown = {"username": username, "organization": str(organization_id), "role": role}
    tell(common, shown, f"{username} is {role or 'no member'} of {organization_id} now")
