"""`hallmarket admin`: the verbs about organizations."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.output import count_words, printable
from hallmarket.cli.admin._shared import common_options, run_work, tell


@click.command("create-org", epilog='Example: hallmarket admin create-org "The Gazette" --website gazette.example')
@click.argument("name")
@click.option("--website", metavar="URL", help="its website")
@common_options
def create_org(name: str, website: str | None, **common: Any) -> None:
    """Make an organization."""
    from hallmarket.server.identity.register import create_organization

    made = run_work(common, lambda connection, _: create_organization(connection, name, website))
    tell(common, {"id": str(made), "name": name}, f"organization {made}")


@click.command("list-orgs", epilog="Example: hallmarket admin list-orgs --json")
@common_options
def list_orgs(**common: Any) -> None:
    """List all organizations, oldest first."""
    from hallmarket.server.identity.operate import list_organizations

    rows = run_work(common, lambda connection, _: list_organizations(connection))
    shown = [
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
        f"{org['id']}  {org['slug']:<24} {count_words(org['members'], 'member'):<12} {org['name']}" for org in shown
    ]
    tell(common, shown, "\n".join(map(printable, lines)) or "There are no organizations.")


@click.command("rename-org", epilog='Example: hallmarket admin rename-org ID "The New Gazette"')
@click.argument("organization_id", type=click.UUID, metavar="ID")
@click.argument("name")
@common_options
def rename_org(organization_id: UUID, name: str, **common: Any) -> None:
    """Change what people call an organization; its name in addresses stays."""
    from hallmarket.server.identity.operate import rename_organization

    run_work(common, lambda connection, _: rename_organization(connection, organization_id, name))
    tell(common, {"id": str(organization_id), "name": name.strip()}, f"organization {organization_id} renamed")
