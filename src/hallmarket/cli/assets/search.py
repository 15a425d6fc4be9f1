"""`hallmarket assets search`: find assets by words and filters."""

from typing import Any

import click

from hallmarket.cli._shared.exchange import (
    ServerOptions,
    asset_json,
    asset_table,
    exchange_options,
    find_placement,
    open_exchange,
    paging_options,
)
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import print_json

TYPES = ("dataset", "file", "post", "comment")
VISIBILITIES = ("public", "private", "organization", "monetized", "inherit")
SCOPES = ("all", "personal", "org", "shared", "purchased", "global")
SORTS = ("relevant", "recent", "popular", "updated")
WINDOWS = ("day", "week", "month", "all")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets search rainfall stations
          hallmarket assets search --type dataset --scope personal --sort updated
          hallmarket assets search --type file --extension tif --limit 200 --json

        Without WORDS all assets are listed, newest first. WORDS may also be an asset's id.
        """
    )
)
@click.argument("words", nargs=-1)
@click.option("--type", "asset_type", type=click.Choice(TYPES), help="Only assets of this type.")
@click.option("--scope", type=click.Choice(SCOPES), help="Only your own, your organization's, those shared with you, …")
@click.option("--visibility", type=click.Choice(VISIBILITIES), help="Only assets with this visibility.")
@click.option("--organization", metavar="NAME|ID", help="Only assets of this organization.")
@click.option("--team", metavar="NAME|ID", help="Only assets of this team of yours.")
@click.option("--owner", metavar="NAME|ID", help="Only assets of this user.")
@click.option("--extension", metavar="EXT", multiple=True, help="Only files with this ending; may be repeated.")
@click.option("--file-type", type=click.Choice(["image", "video", "audio", "pdf"]), help="Only files of this kind.")
@click.option("--sort", type=click.Choice(SORTS), help="By default by relevance with WORDS, else newest first.")
@click.option("--time-window", type=click.Choice(WINDOWS), help="The period that --sort popular counts.")
@click.option("--tag", metavar="TAG", multiple=True, help="Only assets with this tag; may be repeated.")
@paging_options
@exchange_options
def search(
    server: ServerOptions, words: tuple[str, ...], limit: int, offset: int, as_json: bool, **options: Any
) -> int:
    """Find assets that you can see."""
    with open_exchange(server) as exchange:
        filters: dict[str, Any] = {**find_placement(exchange, options["organization"], options["team"])}
        filters |= {name: options[name] for name in ("asset_type", "visibility") if options[name]}
        if options["tag"]:
            filters["tag"] = list(options["tag"])
        if options["owner"]:
            filters["user_id"] = exchange.person(options["owner"]).user_id
        extensions = [extension.removeprefix(".").lower() for extension in options["extension"]]
        metadata_filters = {"extension": extensions, "file_type": options["file_type"]}
        found = list(
            exchange.assets.iterate(
                " ".join(words),
                max_items=limit,
                offset=offset,
                filters=filters,
                metadata_filters={name: value for name, value in metadata_filters.items() if value},
                **{name: options[name] for name in ("scope", "sort", "time_window")},
            )
        )
    print_json({"assets": list(map(asset_json, found))}) if as_json else print(asset_table(found))
    return OK
