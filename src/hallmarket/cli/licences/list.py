"""`hallmarket licences list`: list what you bought and sold."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import (
    ENTRY_STATES,
    ServerOptions,
    exchange_options,
    open_exchange,
    paging_options,
)
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_table, print_json

if TYPE_CHECKING:
    from hallmarket.client import Licence, LicenceRole

HEADERS = ("id", "bought", "asset", "price", "buyer", "seller", "state", "name")


@click.command(
    "list",
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket licences list
          hallmarket licences list --role seller --limit 200 --json
          hallmarket licences list --asset 0190a3c2-… --ended
        """
    ),
)
@click.option("--role", type=click.Choice(["buyer", "seller"]), help="Only what you bought, or only what you sold.")
@click.option("--asset", "asset_id", metavar="ID", type=click.UUID, help="Only licences of this asset.")
@click.option("--active/--ended", default=None, help="Only valid licences, or only those that were refunded in full.")
@paging_options
@exchange_options
def list_licences(
    server: ServerOptions,
    role: "LicenceRole | None",
    asset_id: UUID | None,
    active: bool | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List your licences, newest first."""
    import msgspec

    with open_exchange(server) as exchange:
        filters = {"role": role, "asset_id": None if asset_id is None else str(asset_id), "active": active}
        found = list(exchange.licences.iterate(max_items=limit, offset=offset, **filters))
    if as_json:
        print_json({"licences": msgspec.to_builtins(found)})
    else:
        print(format_table(HEADERS, list(map(_row, found))) if found else "no licences")
    return OK


def _row(licence: "Licence") -> tuple[Any, ...]:
    buyer = licence.buyer.username or licence.buyer.user_id
    seller = licence.seller.username or licence.seller.user_id
    state = "ended" if licence.ended_at else ENTRY_STATES.get(licence.status, str(licence.status))
    bought = f"{licence.created_at[:19]}Z"
    asset = licence.asset
    return licence.id, bought, asset.type, licence.price.text, buyer, seller, state, asset.name or ""
