"""`hallmarket admin create-org`, `list-orgs` and `rename-org`: organizations."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, printable
from hallmarket.cli.admin._shared import common_options, print_result, run_on_database


@click.command(
    "create-org",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin create-org "The Gazette" --website gazette.example
        """
    ),
)
@click.argument("name")
@click.option("--website", metavar="URL", help="its website")
@common_options
def create_org(name: str, website: str | None, **common: Any) -> None:
    """Create an organization."""
    from hallmarket.server.identity.provisioning import create_organization

    created = run_on_database(common, lambda connection, _: create_organization(connection, name, website))
    print_result(common, {"id": str(created), "name": name}, f"organization {created}")


@click.command(
    "list-orgs",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin list-orgs --json
        """
    ),
)
@common_options
def list_orgs(**common: Any) -> None:
    """List all organizations, oldest first."""
    from hallmarket.server.identity.operator_commands import list_organizations

    rows = run_on_database(common, lambda connection, _: list_organizations(connection))
    fields = [
        {
            "id": str(row["id"]),
            "slug": row["slug"],
            "name": row["name"],
            "visibility": row["visibility"],
            "members": row["members"],
            "created": row["created_on"].isoformat(),
        }
        for row in rows
    ]
    lines = [
        f"{org['id']}  {org['slug']:<24} {format_count(org['members'], 'member'):<12} {org['name']}" for org in fields
    ]
    print_result(common, fields, "\n".join(map(printable, lines)) or "There are no organizations.")


@click.command(
    "rename-org",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin rename-org 0190a3c2-… "The New Gazette"
        """
    ),
)
@click.argument("organization_id", type=click.UUID, metavar="ID")
@click.argument("name")
@common_options
def rename_org(organization_id: UUID, name: str, **common: Any) -> None:
    """Change an organization's displayed name; the name in its address stays."""
    from hallmarket.server.identity.operator_commands import rename_organization

    run_on_database(common, lambda connection, _: rename_organization(connection, organization_id, name))
    fields = {"id": str(organization_id), "name": name.strip()}
    print_result(common, fields, f"organization {organization_id} renamed")
