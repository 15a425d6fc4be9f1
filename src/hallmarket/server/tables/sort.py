"""Rows in the order of an index, over files larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.files import BATCH_ROWS
from hallmarket.server.tables.spill import quote, spilling

PLACE = "its place before"  # no column's name has a space


class Sorted:
    """The rows of files by some columns, nulls last; those that are alike in them stay in the order they had."""

    def __init__(self, paths: Sequence[Path], columns: Sequence[str], schema: pa.Schema, scratch: Path | None) -> None:
        self._paths = [str(path) for path in paths]
        self._columns = columns
        self._schema = schema
        self._scratch = scratch
        self.moved = False  # whether a row that was read has another place now

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows. Raises Unavailable if there is no room to sort them."""
        order = ", ".join(f"{quote(name)} asc nulls last" for name in self._columns)
        sql = f"""
            select * from (select *, row_number() over () as {quote(PLACE)} from read_parquet($paths))
            order by {order}, {quote(PLACE)}"""  # noqa: S608 (the names are ours, and quoted)
        try:
            with spilling(self._scratch) as connection:
                read = 0
                for batch in connection.sql(sql, params={"paths": self._paths}).to_arrow_reader(BATCH_ROWS):
                    self.moved = self.moved or not _counts_on(batch.column(PLACE), read)
                    read += batch.num_rows
                    yield batch.drop_columns([PLACE]).cast(self._schema)
        except (duckdb.Error, pa.ArrowException) as error:
            raise Unavailable("There is no room to sort this dataset's rows. Nothing was kept.") from error


def _counts_on(places: pa.Array, read: int) -> bool:
    steps = pc.min_max(pc.pairwise_diff(places)).as_py()
    return places[0].as_py() == read + 1 and steps in ({"min": 1, "max": 1}, {"min": None, "max": None})
