"""`hallmarket datasets versions`: list a dataset's versions."""

import itertools
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
from hallmarket.cli._shared.output import format_bytes, format_table, print_json

if TYPE_CHECKING:
    from hallmarket.client import DatasetVersion

HEADERS = ("version", "made", "by", "rows", "size", "state", "manifest")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets versions 0190a3c2-…
          hallmarket datasets versions 0190a3c2-… --limit 200 --json
        """
    )
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@paging_options
@exchange_options
def versions(server: ServerOptions, dataset_id: UUID, limit: int, offset: int, as_json: bool) -> int:
    """List a dataset's versions, newest first."""
    import msgspec

    with open_exchange(server) as exchange:
        found = list(itertools.islice(exchange.datasets.iterate_versions(str(dataset_id), offset), limit))
    if as_json:
        print_json({"versions": msgspec.to_builtins(found)})
    else:
        print(format_table(HEADERS, list(map(_row, found))) if found else "no versions")
    return OK


def _row(version: "DatasetVersion") -> tuple[Any, ...]:
    author = (version.user and version.user.username) or version.user_id
    state = ENTRY_STATES.get(version.status, str(version.status))
    created, size = f"{version.created_at[:19]}Z", format_bytes(version.size_bytes)
    return version.number, created, author, version.rows, size, state, f"{version.sha3_512[:16]}…"
