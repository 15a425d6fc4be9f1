"""`hallmarket assets search`: find assets by words and filters."""

from typing import Any

import click

from hallmarket.cli._shared.exchange import (
    EPILOG_END,
    asset_facts,
    asset_table,
    exchange_options,
    find_placement,
    open_exchange,
    paging_options,
)
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import print_json

TYPES = ("dataset", "file", "post", "comment")
VISIBILITIES = ("public", "private", "organization", "monetized", "inherit")
SCOPES = ("all", "personal", "org", "shared", "purchased", "global")
SORTS = ("relevant", "recent", "popular", "updated")
WINDOWS = ("day", "week", "month", "all")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets search rainfall stations
      hallmarket assets search --type dataset --scope personal --sort updated
      hallmarket assets search --type file --extension tif --limit 200 --json

    Without words it lists, newest first. WORDS may also be an asset's id.
    {EPILOG_END}"""
)
@click.argument("words", nargs=-1)
@click.option("--type", "asset_type", type=click.Choice(TYPES), help="Only assets of this type.")
@click.option("--scope", type=click.Choice(SCOPES), help="Whose: yours, your organization's, shared with you, …")
@click.option("--visibility", type=click.Choice(VISIBILITIES), help="Only assets that are visible so.")
@click.option("--organization", metavar="NAME|ID", help="Only assets of this organization.")
@click.option("--team", metavar="NAME|ID", help="Only assets of this team of yours.")
@click.option("--owner", metavar="NAME|ID", help="Only assets of this person.")
@click.option("--extension", metavar="EXT", multiple=True, help="Only files ending so; may be repeated.")
@click.option("--file-type", type=click.Choice(["image", "video", "audio", "pdf"]), help="Only files of this kind.")
@click.option("--sort", type=click.Choice(SORTS), help="By relevance where there are words, else newest first.")
@click.option("--time-window", type=click.Choice(WINDOWS), help="Over which time --sort popular counts.")
@click.option("--tag", metavar="TAG", multiple=True, help="Only assets with this tag; may be repeated.")
@paging_options
@exchange_options
def search(where: tuple[str, str], words: tuple[str, ...], limit: int, offset: int, as_json: bool, **asked: Any) -> int:
    """Find assets that you may see."""
    with open_exchange(where) as exchange:
        filters: dict[str, Any] = {**find_placement(exchange, asked["organization"], asked["team"])}
        filters |= {name: asked[name] for name in ("asset_type", "visibility") if asked[name]}
        if asked["tag"]:
            filters["tag"] = list(asked["tag"])
        if asked["owner"]:
            filters["user_id"] = exchange.person(asked["owner"]).user_id
        of_files = {"extension": [_extension(text) for text in asked["extension"]], "file_type": asked["file_type"]}
        found = list(
            exchange.assets.iterate(
                " ".join(words),
                max_items=limit,
                offset=offset,
                filters=filters,
                metadata_filters={name: chosen for name, chosen in of_files.items() if chosen},
                **{name: asked[name] for name in ("scope", "sort", "time_window")},
            )
        )
    print_json({"assets": list(map(asset_facts, found))}) if as_json else print(asset_table(found))
    return OK


def _extension(text: str) -> str:
    return text.removeprefix(".").lower()
