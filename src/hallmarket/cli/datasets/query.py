"""`hallmarket datasets query`: query a dataset with SQL."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import read_text
from hallmarket.cli._shared.output import format_count, format_table, print_json, to_json

if TYPE_CHECKING:
    from hallmarket.client import QueryResult


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets query 0190a3c2-… 'select count(*) from {{table}}'
          hallmarket datasets query 0190a3c2-… @query.sql --csv > result.csv
          hallmarket datasets query 0190a3c2-… 'select * from {{table}}' --limit 5 --json

        SQL is one SELECT in PostgreSQL's dialect, in which {{table}} names the dataset; @FILE reads it from a file.
        """
    )
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.argument("sql", metavar="SQL")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="At most this many rows of the result.")
@click.option("--offset", metavar="N", type=click.IntRange(0), help="Skip this many rows of the result.")
@click.option("--version", metavar="N", type=click.IntRange(1), help="Query this version; by default the newest.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the result as CSV.")
@exchange_options
def query(
    server: ServerOptions,
    dataset_id: UUID,
    sql: str,
    limit: int | None,
    offset: int | None,
    version: int | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Query a dataset with SQL."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    statement = read_text(sql[1:], "SQL") if sql.startswith("@") else sql
    with open_exchange(server) as exchange:
        result = exchange.datasets.query(str(dataset_id), statement, limit=limit, offset=offset, version=version)
    if as_json:
        print_json({"rows": result.data, "query": result.query})
        return OK
    names = list(result.data[0]) if result.data else []
    rows = [[row.get(name) for name in names] for row in result.data]
    if as_csv:
        print(*csv_lines(names, rows), sep="", end="")
    else:
        tables = [format_table(names, [list(map(_cell, row)) for row in rows])] if rows else []
        print("\n".join([*tables, _format_total(result)]))
    return OK


def csv_lines(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return rows as CSV (RFC 4180) in which null is an empty field and an empty string is ""."""
    return [",".join(map(_csv_cell, line)) + "\n" for line in ([names, *rows] if names else [])]


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return _csv_cell(_cell(value)) if isinstance(value, dict | list) else str(_cell(value))
    quoted = value.replace('"', '""')
    return f'"{quoted}"' if not value or any(character in value for character in ',"\r\n') else value


def _cell(value: Any) -> Any:
    """Return a value for people: booleans in lower case, nested values as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_json(value) if isinstance(value, dict | list) else value


def _format_total(result: "QueryResult") -> str:
    total = result.pagination.total if result.pagination else None
    of_total = f" of {total:,}" if total is not None and total != len(result.data) else ""
    return f"{format_count(len(result.data), 'row')}{of_total}"
