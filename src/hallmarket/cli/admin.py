"""`hallmarket admin`: organizations, people and keys, beside a running server or without one."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from hallmarket.cli.exits import CommandError

EPILOG = """\b
Examples:
  hallmarket admin create-org "The Gazette"
  hallmarket admin create-user jane --org 0190… --firstname Jane --lastname Doe --role admin
  hallmarket admin create-key jane --org 0190… --scopes media:read,media:anchor --expires 2027-01-01
  hallmarket admin list-keys --json
  hallmarket admin revoke-key 0190…

These work on the database itself: of the data folder (--data, HALLMARKET_DATA) or of a PostgreSQL of your own
(--database, HALLMARKET_DATABASE_URL), whether its server is running or not.

\b
Exit status: 0 done; 1 refused, the message says why; 2 wrong usage.
"""


def _common(command: Callable[..., None]) -> Any:
    command = click.option("--json", "as_json", is_flag=True, help="print the result as JSON")(command)
    command = click.option("--database", "database_url", metavar="URL", help="the server's PostgreSQL")(command)
    return click.option("--data", metavar="DIR", help="the server's data folder")(command)


@click.group(epilog=EPILOG)
def admin() -> None:
    """Manage organizations, people and API keys."""


@admin.command("create-org", epilog='Example: hallmarket admin create-org "The Gazette" --website gazette.example')
@click.argument("name")
@click.option("--website", metavar="URL", help="its website")
@_common
def create_org(name: str, website: str | None, **common: Any) -> None:
    """Make an organization."""
    from hallmarket.server.identity.register import create_organization

    made = _run(common, lambda connection, _: create_organization(connection, name, website))
    _tell(common, {"id": str(made), "name": name}, f"organization {made}")


@admin.command(
    "create-user", epilog="Example: hallmarket admin create-user jane --org ID --firstname Jane --role admin"
)
@click.argument("username")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="the organization they belong to")
@click.option("--firstname", metavar="TEXT")
@click.option("--lastname", metavar="TEXT")
@click.option("--email", metavar="ADDRESS")
@click.option("--role", type=click.Choice(["member", "admin"]), default="member", help="in that organization")
@_common
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

    made = _run(
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
    _tell(common, {"id": str(made), "username": username, "organization": organization}, f"user {username} {made}")


@admin.command("create-key", epilog="Example: hallmarket admin create-key jane --org ID --expires 2027-01-01")
@click.argument("username")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="bind the key to this organization")
@click.option("--name", default="", metavar="TEXT", help="what the key is for")
@click.option("--scopes", metavar="A,B", help="what it may do: media:read, media:anchor, users:read; all unless given")
@click.option(
    "--expires", metavar="TIME", help="ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z; never unless given"
)
@_common
def create_key(
    username: str, organization_id: UUID | None, name: str, scopes: str | None, expires: str | None, **common: Any
) -> None:
    """Make an API key and print it, this once."""
    from hallmarket.server.identity import keys
    from hallmarket.server.identity.types import SCOPES

    chosen = SCOPES if scopes is None else [scope.strip() for scope in scopes.split(",") if scope.strip()]
    expires_on = None if expires is None else _read_time(expires)
    made = _run(
        common,
        lambda connection, secret: keys.create_key(
            connection,
            secret,
            username,
            organization_id=organization_id,
            name=name,
            scopes=chosen,
            expires_on=expires_on,
        ),
    )
    shown = {
        "id": str(made.id),
        "key": made.key,
        "name": made.name,
        "scopes": made.scopes,
        "organization": None if made.organization is None else str(made.organization),
        "expires": None if made.expires is None else made.expires.isoformat(),
    }
    _tell(common, shown, f"{made.key}\n\nThis is the only time the key is shown. Its id is {made.id}.")


@admin.command("revoke-key", epilog="Example: hallmarket admin revoke-key 0190a3c2-…")
@click.argument("key_id", type=click.UUID, metavar="ID")
@_common
def revoke_key(key_id: UUID, **common: Any) -> None:
    """Revoke a key: every server refuses it from now on."""
    from hallmarket.server.identity import keys

    row = _run(common, lambda connection, _: keys.revoke_key(connection, key_id))
    _tell(common, {"id": str(key_id), "revoked": row["revoked_on"].isoformat()}, f"revoked {row['prefix']}… ({key_id})")


@admin.command("list-keys", epilog="Example: hallmarket admin list-keys --json")
@_common
def list_keys(**common: Any) -> None:
    """List all keys, oldest first. The keys themselves are kept nowhere."""
    from hallmarket.server.identity import keys

    rows = _run(common, lambda connection, _: keys.list_keys(connection))
    shown = [
        {
            "id": str(row["id"]),
            "prefix": row["prefix"],
            "name": row["name"],
            "username": row["username"],
            "organization": None if row["organization_id"] is None else str(row["organization_id"]),
            "scopes": row["scopes"],
            "created": row["created_on"].isoformat(),
            "expires": row["expires_on"].isoformat() if row["expires_on"] else None,
            "revoked": row["revoked_on"].isoformat() if row["revoked_on"] else None,
            "lastUsed": row["last_used_on"].isoformat() if row["last_used_on"] else None,
        }
        for row in rows
    ]
    lines = [
        f"{key['id']}  {key['prefix']}…  {key['username']:<16} {_state(key):<20} last used {key['lastUsed'] or 'never'}"
        for key in shown
    ]
    _tell(common, shown, "\n".join(lines) or "There are no keys.")


def _state(key: dict[str, Any]) -> str:
    if key["revoked"]:
        return "revoked"
    if key["expires"] and datetime.fromisoformat(key["expires"]) <= datetime.now(UTC):
        return "expired"
    return "good until " + key["expires"][:10] if key["expires"] else "good"


def _run(common: dict[str, Any], work: Any) -> Any:
    from hallmarket.server.administer import administer
    from hallmarket.server.errors import Refusal
    from hallmarket.server.settings import read_settings

    try:
        given = {"data": common["data"], "database_url": common["database_url"]}
        # A folder named on the command line means that folder's own database, whatever the environment says.
        if given["data"] and not given["database_url"]:
            given["database_url"] = ""
        return administer(read_settings(given, os.environ), work)
    except Refusal as refusal:
        raise CommandError(str(refusal), code="REFUSED") from None


def _tell(common: dict[str, Any], result: Any, text: str) -> None:
    click.echo(json.dumps(result) if common["as_json"] else text)


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            "must be ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z", param_hint="--expires"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
