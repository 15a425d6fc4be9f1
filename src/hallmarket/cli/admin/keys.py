"""`hallmarket admin create-key`, `list-keys` and `revoke-key`: API keys."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import read_time
from hallmarket.cli.admin._shared import common_options, print_result, run_on_database


@click.command(
    "create-key",
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket admin create-key jane --org 0190a3c2-… --expires 2027-01-01
          hallmarket admin create-key jane --scopes media:read,media:anchor --name "Scanner"
        """
    ),
)
@click.argument("username")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="bind the key to this organization")
@click.option("--name", default="", metavar="TEXT", help="what the key is for")
@click.option("--scopes", metavar="A,B", help="what the key may do, such as media:read,media:anchor; by default all")
@click.option(
    "--expires", metavar="TIME", help="ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z; by default never"
)
@common_options
def create_key(
    username: str, organization_id: UUID | None, name: str, scopes: str | None, expires: str | None, **common: Any
) -> None:
    """Create an API key and print it once."""
    from hallmarket.server.identity import api_keys
    from hallmarket.server.rooms import SCOPES

    chosen = SCOPES if scopes is None else [scope.strip() for scope in scopes.split(",") if scope.strip()]
    expires_on = None if expires is None else read_time(expires, "--expires")
    created = run_on_database(
        common,
        lambda connection, secret: api_keys.create_key(
            connection,
            secret,
            username,
            organization_id=organization_id,
            name=name,
            scopes=chosen,
            known_scopes=SCOPES,
            expires_on=expires_on,
        ),
    )
    fields = {
        "id": str(created.id),
        "key": created.key,
        "name": created.name,
        "scopes": created.scopes,
        "organization": None if created.organization is None else str(created.organization),
        "expires": None if created.expires is None else created.expires.isoformat(),
    }
    print_result(common, fields, f"{created.key}\n\nThis is the only time the key is shown. Its id is {created.id}.")


@click.command(
    "revoke-key",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin revoke-key 0190a3c2-…
        """
    ),
)
@click.argument("key_id", type=click.UUID, metavar="ID")
@common_options
def revoke_key(key_id: UUID, **common: Any) -> None:
    """Revoke an API key: every server rejects it from now on."""
    from hallmarket.server.identity import api_keys

    row = run_on_database(common, lambda connection, _: api_keys.revoke_key(connection, key_id))
    fields = {"id": str(key_id), "revoked": row["revoked_on"].isoformat()}
    print_result(common, fields, f"revoked {row['prefix']}… ({key_id})")


@click.command(
    "list-keys",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin list-keys --json
        """
    ),
)
@common_options
def list_keys(**common: Any) -> None:
    """List all API keys, oldest first, by their prefixes: the keys themselves are not stored."""
    from hallmarket.server.identity import api_keys

    rows = run_on_database(common, lambda connection, _: api_keys.list_keys(connection))
    fields = [
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
        for key in fields
    ]
    print_result(common, fields, "\n".join(lines) or "There are no keys.")


def _state(key: dict[str, Any]) -> str:
    if key["revoked"]:
        return "revoked"
    if key["expires"] and datetime.fromisoformat(key["expires"]) <= datetime.now(UTC):
        return "expired"
    return "good until " + key["expires"][:10] if key["expires"] else "good"
