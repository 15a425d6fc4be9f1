"""`hallmarket datasets`: tables with versions, listed, asked, pulled and pushed."""

import itertools
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli.amounts import price_words
from hallmarket.cli.datasets_pull import pull
from hallmarket.cli.datasets_push import push
from hallmarket.cli.datasets_query import query
from hallmarket.cli.exchanging import (
    EPILOG_END,
    EXAMPLE,
    asset_facts,
    asset_table,
    exchange_options,
    find_placement,
    open_exchange,
    owner_words,
    paging_options,
)
from hallmarket.cli.exits import OK
from hallmarket.cli.output import bytes_words, count_words, print_json, printable, table

if TYPE_CHECKING:
    from hallmarket.client.datasets import Column, Stats, Version
    from hallmarket.client.exchange_types import Asset


STATES = {2: "accepted", 3: "anchored", 4: "failed"}


@click.group(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets list --scope personal
      hallmarket datasets show 0190a3c2-…
      hallmarket datasets query 0190a3c2-… {EXAMPLE}
    {EPILOG_END}"""
)
def datasets() -> None:
    """List, query, pull and push datasets."""


datasets.add_command(query)
datasets.add_command(pull)
datasets.add_command(push)


@datasets.command(
    "list",
    epilog=f"""
    \b
    Examples:
      hallmarket datasets list
      hallmarket datasets list rainfall --scope org --limit 200 --json
    {EPILOG_END}""",
)
@click.argument("words", nargs=-1)
@click.option(
    "--scope",
    type=click.Choice(["all", "personal", "org", "shared", "purchased", "global"]),
    help="Whose: yours, your organization's, shared with you, …",
)
@click.option("--organization", metavar="NAME|ID", help="Only datasets of this organization.")
@click.option("--team", metavar="NAME|ID", help="Only datasets of this team of yours.")
@paging_options
@exchange_options
def list_datasets(
    where: tuple[str, str],
    words: tuple[str, ...],
    scope: str | None,
    organization: str | None,
    team: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List datasets that you may see, newest first, or those that WORDS find."""
    with open_exchange(where) as exchange:
        filters = {"asset_type": "dataset"} | find_placement(exchange, organization, team)
        asked = " ".join(words)
        found = list(exchange.assets.iterate(asked, max_items=limit, offset=offset, filters=filters, scope=scope))
    if as_json:
        print_json({"datasets": list(map(asset_facts, found))})
    else:
        print(asset_table(found, "dataset"))
    return OK


@datasets.command(
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


@datasets.command(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets versions 0190a3c2-…
      hallmarket datasets versions 0190a3c2-… --limit 200 --json
    {EPILOG_END}"""
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@paging_options
@exchange_options
def versions(where: tuple[str, str], dataset_id: UUID, limit: int, offset: int, as_json: bool) -> int:
    """List a dataset's versions, newest first."""
    import msgspec

    with open_exchange(where) as exchange:
        found = list(itertools.islice(exchange.datasets.iterate_versions(str(dataset_id), offset), limit))
    if as_json:
        print_json({"versions": msgspec.to_builtins(found)})
        return OK
    rows = [_version_line(one) for one in found]
    print(table(("version", "made", "by", "rows", "size", "state", "manifest"), rows) if rows else "no versions")
    return OK


def _version_line(one: "Version") -> tuple[Any, ...]:
    author = (one.user and one.user.username) or one.user_id
    state = STATES.get(one.status, str(one.status))
    made, size = f"{one.created_at[:19]}Z", bytes_words(one.size_bytes)
    return one.number, made, author, one.rows, size, state, f"{one.sha3_512[:16]}…"


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
