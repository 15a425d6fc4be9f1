"""`hallmarket datasets push`: send a local table's rows to a dataset, as one new version."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.extras import require_extra
from hallmarket.cli._shared.output import count_words, print_json, printable, tell

if TYPE_CHECKING:
    from hallmarket.cli.datasets.upload import Pushed

# Rows of these files are read with the packages of hallmarket[tables]; JSON needs none.
READ_WITH_TABLES = (".csv", ".tsv", ".parquet", ".xlsx")
MODES = ("append", "overwrite", "upsert", "update")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets push 0190a3c2-… july.csv
      hallmarket datasets push 0190a3c2-… stations.parquet --mode upsert
      hallmarket datasets push 0190a3c2-… july.csv --from-row 50001

    FILE is CSV, TSV, Parquet, JSON (a list of objects), NDJSON or Excel (its first sheet). append adds rows, overwrite
    replaces all of them, upsert adds or replaces by the key, update changes what stands in FILE of the rows that have
    its keys. The rows are sent in batches; whoever reads the dataset sees all of them, as a version, or none.

    Run it again after an interruption: append goes on where it stopped, every other mode begins afresh, which comes to
    the same.
    {EPILOG_END}"""
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.argument("file", metavar="FILE")
@click.option("--mode", type=click.Choice(MODES), default="append", show_default=True, help="What becomes of the rows.")
@click.option("--from-row", metavar="N", type=click.IntRange(1), help="Begin with this row of FILE, counted from 1.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def push(
    where: tuple[str, str], dataset_id: UUID, file: str, mode: Any, from_row: int | None, quiet: bool, as_json: bool
) -> int:
    """Send a table's rows to a dataset, as one new version."""
    ending = Path(file).suffix.lower()
    if ending in READ_WITH_TABLES:
        require_extra("tables", f"reading {ending} files")
    from hallmarket.cli.datasets.upload import Push

    with open_exchange(where) as exchange:
        pushed = Push(exchange, str(dataset_id), Path(file), mode, quiet=quiet or as_json).run(from_row)
    if pushed.warning and pushed.warning.get("message"):
        tell(printable(str(pushed.warning["message"])))
    if as_json:
        print_json(pushed.facts())
    elif not quiet:
        print(_words(file, pushed))
    return OK


def _words(file: str, pushed: "Pushed") -> str:
    done = pushed.ingested
    counts = ((done.inserted, "inserted"), (done.updated, "updated"), (done.skipped, "skipped"))
    told = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing changed"
    version = pushed.version
    now = f"; now version {version.number:,}, {count_words(version.rows, 'row')}" if version else ""
    return f"{printable(file)}: {told}{now}"
