"""Sorts rows in files that may be larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.duckdb_connection import connect, quote
from hallmarket.server.tables.parquet_files import BATCH_ROWS

POSITION = "old position"  # no column of a table has a space in its name


class SortedRows:
    """The rows of files, sorted by some columns, nulls last. Rows with equal values stay in their old order.

    After `batches` has been read, `has_moved_rows` is true if the order has changed.
    """

    def __init__(self, paths: Sequence[Path], columns: Sequence[str], schema: pa.Schema, scratch: Path | None) -> None:
        self._paths = [str(path) for path in paths]
        self._columns = columns
        self._schema = schema
        self._scratch = scratch
        self.has_moved_rows = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the rows in their new order. Raises Unavailable if there is not enough disk space to sort them."""
        order = ", ".join(f"{quote(name)} asc nulls last" for name in self._columns)
        sql = f"""
            select * from (select *, row_number() over () as {quote(POSITION)} from read_parquet($paths))
            order by {order}, {quote(POSITION)}"""  # noqa: S608 (the names are quoted)
        try:
            with connect(self._scratch) as connection:
                read = 0
                for batch in connection.sql(sql, params={"paths": self._paths}).to_arrow_reader(BATCH_ROWS):
                    if not _continues(batch.column(POSITION), read):
                        self.has_moved_rows = True
                    read += batch.num_rows
                    yield batch.drop_columns([POSITION]).cast(self._schema)
        except (duckdb.Error, pa.ArrowException) as error:
            raise Unavailable("There is not enough disk space to sort this dataset. Nothing was changed.") from error


def _continues(positions: pa.Array, read: int) -> bool:
    """Whether positions, counted from 1, continue after `read` rows without a gap."""
    steps = pc.min_max(pc.pairwise_diff(positions)).as_py()
    return positions[0].as_py() == read + 1 and steps in ({"min": 1, "max": 1}, {"min": None, "max": None})
