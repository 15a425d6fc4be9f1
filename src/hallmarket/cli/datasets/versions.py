"""`hallmarket datasets versions`: list a dataset's versions."""

import itertools
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange, paging_options
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import bytes_words, print_json, table

if TYPE_CHECKING:
    from hallmarket.client.datasets import Version

STATES = {2: "accepted", 3: "anchored", 4: "failed"}


@click.command(
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
