"""Checks constraints over files that may be larger than memory: unique columns and columns without nulls."""

from collections.abc import Sequence
from pathlib import Path

from hallmarket.server.tables.duckdb_connection import connect, quote


def find_duplicate(
    paths: Sequence[Path], columns: Sequence[str], added: Sequence[Path] = (), scratch: Path | None = None
) -> str | None:
    """Find values of these columns that two rows have, as text; None if there are none. A null is never a duplicate.

    `added` names those of the `paths` that are new: then only values in these are checked, because the other files
    are known to have no duplicates.
    """
    if not paths:
        return None
    names = ", ".join(quote(name) for name in columns)
    as_text = " || ', ' || ".join(f"{quote(name)}::varchar" for name in columns)
    not_null = " and ".join(f"{quote(name)} is not null" for name in columns)
    # A semi join works for several columns as it does for one.
    only_added = f"semi join read_parquet($added) using ({names})" if added else ""
    sql = f"""
        select {as_text} from (
            select {names} from (select {names} from read_parquet($paths) where {not_null}) {only_added}
            group by {names} having count(*) > 1 limit 1)"""  # noqa: S608 (the names are quoted)
    parameters = {"paths": [str(path) for path in paths]}
    if added:
        parameters["added"] = [str(path) for path in added]
    with connect(scratch) as connection:
        found = connection.execute(sql, parameters).fetchone()
    return None if found is None else str(found[0])


def has_null(paths: Sequence[Path], column: str) -> bool:
    """Whether a column has a null in any of the files."""
    if not paths:
        return False
    with connect(None) as connection:
        sql = f"select exists (from read_parquet($paths) where {quote(column)} is null)"
        row = connection.execute(sql, {"paths": [str(path) for path in paths]}).fetchone()
    return bool(row and row[0])
