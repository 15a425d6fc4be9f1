"""`hallmarket admin`: the verbs about organizations, people, and who belongs where."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli.administering import common_options, run_work, tell


@click.command("create-org", epilog='Example: hallmarket admin create-org "The Gazette" --website gazette.example')
@click.argument("name")
@click.option("--website", metavar="URL", help="its website")
@common_options
def create_org(name: str, website: str | None, **common: Any) -> None:
    """Make an organization."""
    from hallmarket.server.identity.register import create_organization

    made = run_work(common, lambda connection, _: create_organization(connection, name, website))
    tell(common, {"id": str(made), "name": name}, f"organization {made}")


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


VERBS = (create_org, create_user)
