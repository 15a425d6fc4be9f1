"""Whether values repeat, over files larger than memory: asked of DuckDB, which spills to disk."""

from collections.abc import Sequence
from pathlib import Path

from hallmarket.server.tables.spill import quote, spilling


def find_repeated(
    paths: Sequence[Path], columns: Sequence[str], added: Sequence[Path] = (), scratch: Path | None = None
) -> str | None:
    """Values of these columns that two rows have, as text; rows with a null repeat nothing.

    With `added`, which are among `paths`, only what these repeat is looked for: the others are known not to.
    """
    every, new = [str(path) for path in paths], [str(path) for path in added]
    if not every:
        return None
    names = ", ".join(quote(name) for name in columns)
    shown = " || ', ' || ".join(f"{quote(name)}::varchar" for name in columns)
    whole = " and ".join(f"{quote(name)} is not null" for name in columns)
    # A join, for it works alike for one column and for many.
    met = f"semi join read_parquet($new) using ({names})" if new else ""
    sql = f"""
        select {shown} from (
            select {names} from (select {names} from read_parquet($every) where {whole}) {met}
            group by {names} having count(*) > 1 limit 1)"""  # noqa: S608 (the names are ours, and quoted)
    with spilling(scratch) as connection:
        found = connection.execute(sql, {"every": every} | ({"new": new} if new else {})).fetchone()
    return None if found is None else str(found[0])


def has_null(paths: Sequence[Path], column: str) -> bool:
    """Whether a column has a null somewhere."""
    if not paths:
        return False
    with spilling(None) as connection:
        name = quote(column)
        sql = f"select exists (from read_parquet($every) where {name} is null)"
        row = connection.execute(sql, {"every": [str(path) for path in paths]}).fetchone()
    return bool(row and row[0])
