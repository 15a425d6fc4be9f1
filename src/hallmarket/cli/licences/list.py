"""`hallmarket licences list`: list what you bought and sold."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange, paging_options
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import print_json, table
from hallmarket.cli.licences.states import STATES

if TYPE_CHECKING:
    from hallmarket.client.licences import Licence, Side


@click.command(
    "list",
    epilog=f"""
    \b
    Examples:
      hallmarket licences list
      hallmarket licences list --role seller --limit 200 --json
      hallmarket licences list --asset 0190a3c2-… --ended
    {EPILOG_END}""",
)
@click.option("--role", type=click.Choice(["buyer", "seller"]), help="Only what you bought, or only what you sold.")
@click.option("--asset", "asset_id", metavar="ID", type=click.UUID, help="Only licences of this asset.")
@click.option("--active/--ended", default=None, help="Only those that hold, or only those that were paid back.")
@paging_options
@exchange_options
def list_licences(
    where: tuple[str, str],
    role: "Side | None",
    asset_id: UUID | None,
    active: bool | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List your licences, newest first."""
    import msgspec

    with open_exchange(where) as exchange:
        wanted = None if asset_id is None else str(asset_id)
        chosen = {"role": role, "asset_id": wanted, "active": active}
        shown = list(exchange.licences.iterate(max_items=limit, offset=offset, **chosen))
    if as_json:
        print_json({"licences": msgspec.to_builtins(shown)})
        return OK
    headers = ("id", "bought", "asset", "price", "buyer", "seller", "state", "name")
    print(table(headers, [_line(one) for one in shown]) if shown else "no licences")
    return OK


def _line(one: "Licence") -> tuple[Any, ...]:
    state = "ended" if one.ended_at else STATES.get(one.status, str(one.status))
    people = one.buyer.username or one.buyer.user_id, one.seller.username or one.seller.user_id
    return one.id, f"{one.created_at[:19]}Z", one.asset.type, one.price.text, *people, state, one.asset.name or ""
