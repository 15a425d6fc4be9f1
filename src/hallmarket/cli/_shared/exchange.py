"""What the verbs of the exchange API share: options, connection, formatting of assets and people."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import click

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.options import get_api_key, json_option, key_options, server_option
from hallmarket.cli._shared.output import format_count, format_table, printable, shortened

if TYPE_CHECKING:
    from hallmarket.client import Asset, Exchange, Person

DEFAULT_LIMIT = 50
UUID_LENGTH = 36
# The states of an entry of the log, as datasets' versions and licences report them.
ENTRY_STATES = {2: "accepted", 3: "anchored", 4: "failed"}


class ServerOptions(NamedTuple):
    """The server's address and the API key, from the options or the environment."""

    url: str
    api_key: str


def exchange_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --server, --api-key, --api-key-file and --json, passed to the verb as `server` and `as_json`."""

    def with_server_options(server: str, api_key: str | None, api_key_file: str | None, **options: Any) -> Any:
        return command(server=ServerOptions(server, get_api_key(api_key, api_key_file)), **options)

    with_server_options.__doc__, with_server_options.__name__ = command.__doc__, command.__name__
    # Keep the options of the decorators below this one.
    with_server_options.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    return server_option(key_options(json_option(with_server_options)))


def paging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --limit and --offset."""
    command = click.option("--offset", metavar="N", type=click.IntRange(0), default=0, help="Skip this many first.")(
        command
    )
    return click.option(
        "--limit",
        metavar="N",
        type=click.IntRange(1),
        default=DEFAULT_LIMIT,
        show_default=True,
        help="Show at most this many.",
    )(command)


def open_exchange(server: ServerOptions) -> "Exchange":
    """Return an authenticated client of the server that the options name."""
    # Imported here because it imports httpx, which a usage error does not need.
    from hallmarket.cli._shared.connect import connect_exchange

    return connect_exchange(server.url, server.api_key)


def asset_json(asset: "Asset") -> dict[str, Any]:
    """Return an asset for --json."""
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(asset)
    return fields


def asset_table(assets: "Sequence[Asset]", noun: str = "asset") -> str:
    """Return assets as a table with their count below."""
    if not assets:
        return f"no {noun}s"
    rows = [
        (asset.id, asset.asset_type, asset.visibility, asset.role or "-", owner_name(asset), asset.name or "")
        for asset in assets
    ]
    lines = format_table(("id", "type", "visibility", "role", "owner", "name"), rows)
    return f"{lines}\n{format_count(len(assets), noun)}"


def owner_name(asset: "Asset") -> str:
    """Return the username of an asset's owner, or the id if the username is unknown."""
    return (asset.user and asset.user.username) or asset.user_id


def format_person(person: "Person") -> str:
    """Return a user's username, with the full name if it is known."""
    name = printable(person.username or person.user_id)
    return f"{name} ({shortened(person.name)})" if person.name else name


def find_placement(exchange: "Exchange", organization: str | None, team: str | None) -> dict[str, str]:
    """Return `org_id` and `team_id` of an organization and a team given by name or id; raises CommandError."""
    placement = {}
    if organization is not None:
        placement["org_id"] = organization if _is_id(organization) else exchange.organization(organization).id
    if team is not None:
        placement["team_id"] = team if _is_id(team) else _find_team(exchange, team, placement.get("org_id"))
    return placement


def _find_team(exchange: "Exchange", name: str, organization_id: str | None) -> str:
    found = [team.id for team in exchange.teams(organization_id) if team.name == name]
    if len(found) != 1:
        problem = "you are in no team" if not found else "you are in several teams"
        raise CommandError(f"{problem} called {name}; use its id instead", code="NOT_FOUND")
    return found[0]


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == UUID_LENGTH
