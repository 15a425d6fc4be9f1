"""`hallmarket datasets show`: show a dataset's owner, size and columns."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import format_prices
from hallmarket.cli._shared.exchange import ServerOptions, asset_json, exchange_options, open_exchange, owner_name
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_bytes, format_count, format_table, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Asset, Column, DatasetStats


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets show 0190a3c2-…
          hallmarket datasets show 0190a3c2-… --json
        """
    )
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@exchange_options
def show(server: ServerOptions, dataset_id: UUID, as_json: bool) -> int:
    """Show a dataset's owner, size and columns."""
    import msgspec

    with open_exchange(server) as exchange:
        asset = exchange.datasets.get(str(dataset_id))
        columns, stats = exchange.datasets.schema(asset.id), exchange.datasets.stats(asset.id)
    if as_json:
        print_json(asset_json(asset) | {"columns": msgspec.to_builtins(columns), "stats": msgspec.to_builtins(stats)})
    else:
        print(_text(asset, columns, stats))
    return OK


def _text(asset: "Asset", columns: "list[Column]", stats: "DatasetStats") -> str:
    size = f", {format_bytes(stats.size_bytes)}" if stats.size_bytes is not None else ""
    fields: dict[str, Any] = {
        "name": asset.name,
        "id": asset.id,
        "owner": owner_name(asset),
        "visibility": asset.visibility,
        "your role": asset.role or "none: you see the listing",
        "size": f"{format_count(stats.count, 'row')} of {format_count(stats.column_count, 'column')}{size}",
        "price": format_prices(asset),
        "licence": asset.license_id,
        "changed": asset.last_updated,
    }
    lines = [f"{name:<11} {printable(str(value))}" for name, value in fields.items() if value]
    column_table = format_table(("column", "type"), [(column.name, column.type) for column in columns])
    return "\n".join([*lines, "", column_table])
