"""What the verbs of the exchange share: their options, a page of assets in words, and names turned into ids."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exit_status import STATUSES, CommandError
from hallmarket.cli._shared.options import get_api_key, json_option, key_options, server_option
from hallmarket.cli._shared.output import count_words, printable, shortened, table

if TYPE_CHECKING:
    from hallmarket.client.exchange import Exchange
    from hallmarket.client.exchange_types import Asset, Person

SHOWN = 50
EXAMPLE = "'select count(*) from {{table}}'"
EPILOG_END = f"""

    {STATUSES.replace(chr(10), chr(10) + "    ")}
    """


def exchange_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --server, --api-key, --api-key-file and --json, given to the verb as `where` and `as_json`."""

    def with_where(server: str, api_key: str | None, api_key_file: str | None, **options: Any) -> Any:
        return command(where=(server, get_api_key(api_key, api_key_file)), **options)

    with_where.__doc__, with_where.__name__ = command.__doc__, command.__name__
    # Options that stand below this one on the verb belong to it all the same.
    with_where.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    return server_option(key_options(json_option(with_where)))


def paging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --limit and --offset."""
    command = click.option(
        "--offset", metavar="N", type=click.IntRange(0), default=0, help="Pass over this many first."
    )(command)
    return click.option(
        "--limit",
        metavar="N",
        type=click.IntRange(1),
        default=SHOWN,
        show_default=True,
        help="Show at most this many.",
    )(command)


def open_exchange(where: tuple[str, str]) -> "Exchange":
    """Return the bindings to the server that the options name."""
    from hallmarket.cli._shared.connect import connect_exchange

    return connect_exchange(*where)


def asset_facts(asset: "Asset") -> dict[str, Any]:
    """An asset for programs."""
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(asset)
    return facts


def asset_table(assets: "Sequence[Asset]", noun: str = "asset") -> str:
    """Assets for people, a line each."""
    if not assets:
        return f"no {noun}s"
    rows = [
        (asset.id, asset.asset_type, asset.visibility, asset.role or "-", owner_words(asset), asset.name or "")
        for asset in assets
    ]
    lines = table(("id", "type", "visibility", "role", "owner", "name"), rows)
    return f"{lines}\n{count_words(len(assets), noun)}"


def owner_words(asset: "Asset") -> str:
    """An asset's owner by username where that is known."""
    return (asset.user and asset.user.username) or asset.user_id


def person_words(person: "Person") -> str:
    """A person by username, and by their own name where it is known."""
    name = printable(person.username or person.user_id)
    return f"{name} ({shortened(person.name)})" if person.name else name


def find_placement(exchange: "Exchange", organization: str | None, team: str | None) -> dict[str, str]:
    """The ids of an organization and a team that were named by name or id; raises CommandError for none such."""
    place = {}
    if organization is not None:
        place["org_id"] = organization if _is_id(organization) else exchange.organization(organization).id
    if team is not None:
        place["team_id"] = team if _is_id(team) else _find_team(exchange, team, place.get("org_id"))
    return place


def _find_team(exchange: "Exchange", name: str, organization_id: str | None) -> str:
    found = [team.id for team in exchange.teams(organization_id) if team.name == name]
    if len(found) != 1:
        told = "you are in no team" if not found else "you are in several teams"
        raise CommandError(f"{told} called {name}; name it by its id", code="NOT_FOUND")
    return found[0]


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36
