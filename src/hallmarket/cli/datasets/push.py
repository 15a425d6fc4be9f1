"""`hallmarket datasets push`: send a local table's rows to a dataset, as one new version."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, notify, print_json, printable

if TYPE_CHECKING:
    from hallmarket.cli.datasets.row_upload import PushResult

MODES = ("append", "overwrite", "upsert", "update")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets push 0190a3c2-… july.csv
          hallmarket datasets push 0190a3c2-… stations.parquet --mode upsert
          hallmarket datasets push 0190a3c2-… july.csv --from-row 50001

        FILE is CSV, TSV, Parquet, JSON (a list of objects), NDJSON or Excel (its first sheet). append adds rows,
        overwrite replaces all rows, upsert adds or replaces rows by their key, update changes the columns in FILE of
        the rows with the same keys. The rows are sent in batches; readers of the dataset see all of them, as one
        version, or none.

        Run the command again after an interruption: append continues where it stopped, and every other mode starts
        again, with the same result. All formats but JSON and NDJSON need pip install 'hallmarket[tables]'.
        """
    )
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.argument("file", metavar="FILE")
@click.option("--mode", type=click.Choice(MODES), default="append", show_default=True, help="How to write the rows.")
@click.option("--from-row", metavar="N", type=click.IntRange(1), help="Start at this row of FILE, counted from 1.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def push(
    server: ServerOptions, dataset_id: UUID, file: str, mode: Any, from_row: int | None, quiet: bool, as_json: bool
) -> int:
    """Send a table's rows to a dataset, as one new version."""
    from hallmarket.cli.datasets.row_upload import RowUpload
    from hallmarket.cli.datasets.rows import find_reader

    reader = find_reader(Path(file))
    with open_exchange(server) as exchange:
        upload = RowUpload(exchange, str(dataset_id), Path(file), reader, mode, quiet=quiet or as_json)
        result = upload.run(from_row)
    if result.warning and result.warning.get("message"):
        notify(printable(str(result.warning["message"])))
    if as_json:
        print_json(result.as_json())
    elif not quiet:
        print(_text(file, result))
    return OK


def _text(file: str, result: "PushResult") -> str:
    rows = result.ingested
    counts = ((rows.inserted, "inserted"), (rows.updated, "updated"), (rows.skipped, "skipped"))
    changes = ", ".join(f"{count:,} {verb}" for count, verb in counts if count) or "nothing changed"
    version = result.version
    now = f"; now version {version.number:,}, {format_count(version.rows, 'row')}" if version else ""
    return f"{printable(file)}: {changes}{now}"
