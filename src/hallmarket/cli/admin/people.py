"""`hallmarket admin create-user`, `list-users`, `add-member`, `set-role` and `remove-member`: people and membership."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli.admin._shared import common_options, print_result, run_on_database

ROLES = click.Choice(["member", "admin"])

_username = click.argument("username")
_organization = click.option(
    "--org", "organization_id", type=click.UUID, metavar="ID", required=True, help="the organization"
)


@click.command(
    "create-user",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin create-user jane --org 0190a3c2-… --firstname Jane --lastname Doe --role admin
        """
    ),
)
@_username
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="make the user a member of this one")
@click.option("--firstname", metavar="TEXT", help="the user's first name")
@click.option("--lastname", metavar="TEXT", help="the user's last name")
@click.option("--email", metavar="ADDRESS", help="the user's email address")
@click.option("--role", type=ROLES, default="member", show_default=True, help="the user's role in the organization")
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
    """Create a user."""
    from hallmarket.server.identity.provisioning import create_person

    created = run_on_database(
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
    fields = {"id": str(created), "username": username, "organization": organization}
    print_result(common, fields, f"user {username} {created}")


@click.command(
    "list-users",
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket admin list-users
          hallmarket admin list-users --org 0190a3c2-… --json
        """
    ),
)
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="only the members of this organization")
@common_options
def list_users(organization_id: UUID | None, **common: Any) -> None:
    """List users and their organizations, oldest first."""
    from hallmarket.server.identity import operator_commands

    rows = run_on_database(common, lambda connection, _: operator_commands.list_users(connection, organization_id))
    fields = [
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
    lines = [f"{user['id']}  {user['username']:<16} {_format_roles(user, organization_id)}" for user in fields]
    print_result(common, fields, "\n".join(lines) or "There are no people.")


def _format_roles(user: dict[str, Any], organization_id: UUID | None) -> str:
    """Return the user's role in the given organization, or in every organization."""
    memberships = user["organizations"]
    if organization_id is not None:
        return str(next(one["role"] for one in memberships if one["id"] == str(organization_id)))
    return ", ".join(f"{one['role']} of {one['id']}" for one in memberships) or "in no organization"


@click.command(
    "add-member",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin add-member jane --org 0190a3c2-… --role admin
        """
    ),
)
@_username
@_organization
@click.option("--role", type=ROLES, default="member", show_default=True, help="the user's role in the organization")
@common_options
def add_member(username: str, organization_id: UUID, role: str, **common: Any) -> None:
    """Make a user a member of an organization."""
    from hallmarket.server.identity import operator_commands

    run_on_database(
        common, lambda connection, _: operator_commands.add_member(connection, organization_id, username, role)
    )
    _print_membership(common, username, organization_id, role)


@click.command(
    "set-role",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin set-role jane --org 0190a3c2-… --role admin
        """
    ),
)
@_username
@_organization
@click.option("--role", type=ROLES, required=True, help="the member's new role in the organization")
@common_options
def set_role(username: str, organization_id: UUID, role: str, **common: Any) -> None:
    """Change a member's role; the last administrator of an organization stays one."""
    from hallmarket.server.identity import operator_commands

    run_on_database(
        common, lambda connection, _: operator_commands.change_role(connection, organization_id, username, role)
    )
    _print_membership(common, username, organization_id, role)


@click.command(
    "remove-member",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin remove-member jane --org 0190a3c2-…
        """
    ),
)
@_username
@_organization
@common_options
def remove_member(username: str, organization_id: UUID, **common: Any) -> None:
    """Remove a user from an organization, and revoke the user's API keys bound to it."""
    from hallmarket.server.identity import operator_commands

    run_on_database(
        common, lambda connection, _: operator_commands.remove_member(connection, organization_id, username)
    )
    _print_membership(common, username, organization_id, None)


def _print_membership(common: dict[str, Any], username: str, organization_id: UUID, role: str | None) -> None:
    fields = {"username": username, "organization": str(organization_id), "role": role}
    print_result(common, fields, f"{username} is {role or 'no member'} of {organization_id} now")
