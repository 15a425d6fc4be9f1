"""`hallmarket datasets query`: ask a dataset a question in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, EXAMPLE, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.options import read_text
from hallmarket.cli._shared.output import count_words, print_json, table, to_json


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets query 0190a3c2-… {EXAMPLE}
      hallmarket datasets query 0190a3c2-… @question.sql --csv > answer.csv
      hallmarket datasets query 0190a3c2-… {EXAMPLE} --json

    SQL is one question in PostgreSQL's spelling, in which {{{{table}}}} is the dataset; @FILE reads it from a file.
    {EPILOG_END}"""
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.argument("sql", metavar="SQL")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="At most this many rows of the result.")
@click.option("--offset", metavar="N", type=click.IntRange(0), help="Pass over this many rows of the result first.")
@click.option("--version", metavar="N", type=click.IntRange(1), help="Ask this version; the newest unless given.")
@click.option("--csv", "as_csv", is_flag=True, help="Answer in CSV on stdout.")
@exchange_options
def query(
    where: tuple[str, str],
    dataset_id: UUID,
    sql: str,
    limit: int | None,
    offset: int | None,
    version: int | None,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Ask a dataset a question in SQL."""
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    question = read_text(sql[1:], "SQL") if sql.startswith("@") else sql
    with open_exchange(where) as exchange:
        answer = exchange.datasets.query(str(dataset_id), question, limit=limit, offset=offset, version=version)
    if as_json:
        print_json({"rows": answer.data, "query": answer.query})
        return OK
    names = list(answer.data[0]) if answer.data else []
    rows = [[row.get(name) for name in names] for row in answer.data]
    if as_csv:
        print(*csv_lines(names, rows), sep="", end="")
    else:
        print("\n".join([*([table(names, [list(map(_cell, row)) for row in rows])] if rows else []), _count(answer)]))
    return OK


def csv_lines(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows as CSV (RFC 4180) in which null is nothing and an empty text is ""."""
    return [",".join(map(_csv_cell, line)) + "\n" for line in ([names, *rows] if names else [])]


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return _csv_cell(_cell(value)) if isinstance(value, dict | list) else str(_cell(value))
    quoted = value.replace('"', '""')
    return f'"{quoted}"' if not value or any(letter in value for letter in ',"\r\n') else value


def _cell(value: Any) -> Any:
    """A value as people read it: truth in small letters, what is nested as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_json(value) if isinstance(value, dict | list) else value


def _count(answer: Any) -> str:
    total = answer.pagination.total if answer.pagination else None
    of_all = f" of {total:,}" if total is not None and total != len(answer.data) else ""
    return f"{count_words(len(answer.data), 'row')}{of_all}"
