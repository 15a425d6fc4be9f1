"""`hallmarket datasets show`: show a dataset's owner, size and columns."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import price_words
from hallmarket.cli._shared.exchange import EPILOG_END, asset_facts, exchange_options, open_exchange, owner_words
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import bytes_words, count_words, print_json, printable, table

if TYPE_CHECKING:
    from hallmarket.client.datasets import Column, Stats
    from hallmarket.client.exchange_types import Asset


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets show 0190a3c2-…
      hallmarket datasets show 0190a3c2-… --json
    {EPILOG_END}"""
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@exchange_options
def show(where: tuple[str, str], dataset_id: UUID, as_json: bool) -> int:
    """Show a dataset: whose it is, how large, and its columns."""
    import msgspec

    with open_exchange(where) as exchange:
        asset = exchange.datasets.get(str(dataset_id))
        columns, stats = exchange.datasets.schema(asset.id), exchange.datasets.stats(asset.id)
    if as_json:
        facts = asset_facts(asset) | {"columns": msgspec.to_builtins(columns), "stats": msgspec.to_builtins(stats)}
        print_json(facts)
    else:
        print(_words(asset, columns, stats))
    return OK


def _words(asset: "Asset", columns: "list[Column]", stats: "Stats") -> str:
    size = f", {bytes_words(stats.size_bytes)}" if stats.size_bytes is not None else ""
    facts: dict[str, Any] = {
        "name": asset.name,
        "id": asset.id,
        "owner": owner_words(asset),
        "visibility": asset.visibility,
        "your role": asset.role or "none: you see the listing",
        "size": f"{count_words(stats.count, 'row')} of {count_words(stats.column_count, 'column')}{size}",
        "price": price_words(asset),
        "licence": asset.license_id,
        "changed": asset.last_updated,
    }
    lines = [f"{name:<11} {printable(str(fact))}" for name, fact in facts.items() if fact]
    return "\n".join([*lines, "", table(("column", "type"), [(column.name, column.type) for column in columns])])
