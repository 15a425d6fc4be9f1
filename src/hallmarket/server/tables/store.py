"""Stores tables as immutable snapshots: each change makes a new snapshot, and changes no file of an older one.

Every method blocks on disks, the object store and the processor, so call it in a thread. The caller must hold the right
to write to the table, and must record the snapshot that a method returns: otherwise the change has not happened.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.data_folder import scratch_folder
from hallmarket.server.errors import Conflict
from hallmarket.server.query_engine.types import Column as QueryColumn
from hallmarket.server.query_engine.types import Source
from hallmarket.server.tables.constraints import find_duplicate, has_null
from hallmarket.server.tables.delta_log import commit_snapshot
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.parquet_files import MAX_FILE_ROWS, read_batches
from hallmarket.server.tables.recast import recast_batches
from hallmarket.server.tables.row_changes import (
    Change,
    change_batches,
    change_cells,
    last_of_each_key,
    replace_rows,
    split_repeated_keys,
    verify_key,
)
from hallmarket.server.tables.sort import SortedRows
from hallmarket.server.tables.types import Column, DataFile, Snapshot, arrow_schema

SMALL_FILE_ROWS = MAX_FILE_ROWS // 4  # a file with fewer rows is worth joining with its neighbours
KEY_COLUMN = "id"


class TableStore:
    """All tables of datasets."""

    def __init__(self, files: FileStore, scratch: Path | None = None) -> None:
        """Store tables in `files`. Work that does not fit into memory spills into `scratch`."""
        self._files = files
        self._scratch = scratch

    def create(self, table_id: UUID, columns: Sequence[Column], batches: Iterable[pa.RecordBatch] = ()) -> Snapshot:
        """Create a table with these columns and rows. Raises Unavailable."""
        return self.append(Snapshot(table_id, tuple(columns)), batches)

    def append(self, base: Snapshot, batches: Iterable[pa.RecordBatch]) -> Snapshot:
        """Add rows after those of `base`. Raises Unavailable."""
        added = self._files.write(base.table_id, arrow_schema(base.columns), batches)
        return _with_files(base, (*base.files, *added))

    def overwrite(self, base: Snapshot, batches: Iterable[pa.RecordBatch]) -> Snapshot:
        """Replace all rows of `base`. Raises Unavailable."""
        return _with_files(base, self._files.write(base.table_id, arrow_schema(base.columns), batches))

    def upsert(self, base: Snapshot, key: str, rows: pa.Table) -> tuple[Snapshot, int, int]:
        """Replace the rows whose key exists, and append the others. Of several rows with one key the last counts.

        Returns the snapshot, the number of rows inserted and the number updated. Raises InvalidRequest, Unavailable.
        """
        verify_key(rows, key)
        row_count = rows.num_rows
        rows = last_of_each_key(rows, key)
        changed, exists = self._change_rows(base, key, rows, partial(replace_rows, rows))
        new = rows.filter(pc.invert(exists))
        snapshot = self.append(changed, new.to_batches())
        return snapshot, new.num_rows, row_count - new.num_rows

    def update(
        self, base: Snapshot, key: str, rows: pa.Table, sent: Mapping[str, pa.Array | None]
    ) -> tuple[Snapshot, int, int]:
        """Change the rows whose key exists, in the columns that were sent; skip the others.

        `sent` has the columns that were sent, each with a mask of the rows that sent it, or None if all did. Several
        rows with one key apply in order. Returns the snapshot, the number of rows that were applied and the number
        skipped. Raises InvalidRequest, Unavailable.
        """
        verify_key(rows, key)
        updated = 0
        for indexes in split_repeated_keys(rows.column(key)):
            part = rows.take(indexes)
            part_sent = {name: None if mask is None else mask.take(indexes) for name, mask in sent.items()}
            base, exists = self._change_rows(base, key, part, partial(change_cells, part, part_sent))
            updated += pc.sum(exists.cast(pa.int64())).as_py() or 0
        return base, updated, rows.num_rows - updated

    def _change_rows(self, base: Snapshot, key: str, rows: pa.Table, change: Change) -> tuple[Snapshot, pa.Array]:
        """Rewrite with `change` every file that has one of the rows' keys.

        Returns the snapshot, and for each of the rows whether its key exists.
        """
        keys = rows.column(key).combine_chunks()
        exists = pa.array([False] * len(keys), pa.bool_())
        files: list[DataFile] = []
        for file in base.files:
            path = self._files.local_path(base.table_id, file)
            found = [pc.index_in(batch.column(0), keys) for batch in read_batches(path, [key])]
            positions = pa.chunked_array(found, pa.int32())
            if positions.null_count == len(positions):
                files.append(file)
                continue
            exists = pc.or_(exists, pc.is_in(pa.array(range(len(keys)), pa.int32()), value_set=pc.unique(positions)))
            batches = change_batches(read_batches(path), positions, change)
            files += self._files.write(base.table_id, arrow_schema(base.columns), batches)
        return _with_files(base, files), exists

    def change_columns(self, base: Snapshot, columns: Sequence[tuple[Column, str | None]]) -> Snapshot:
        """Convert the rows to other columns. Each comes with the name of its old column, or None to be null.

        Raises InvalidRequest with the value that does not fit; Unavailable.
        """
        new_columns = tuple(column for column, _ in columns)
        old_columns = {column.name: column for column in base.columns}
        schema, files = arrow_schema(new_columns), []
        is_same = schema == arrow_schema(base.columns) and all(column.name == source for column, source in columns)
        row = 1
        for file in base.files:
            old = read_batches(self._files.local_path(base.table_id, file))
            batches = recast_batches(old, columns, old_columns, row)
            if is_same:
                for _ in batches:  # checks the values against the new columns
                    pass
                files.append(file)
            else:
                files += self._files.write(base.table_id, schema, batches)
            row += file.rows
        return Snapshot(base.table_id, new_columns, tuple(files))

    def sort(self, base: Snapshot, columns: Sequence[str]) -> Snapshot:
        """Sort the rows by these columns, nulls last. Returns `base` if they are sorted. Raises Unavailable."""
        if base.rows < 2:
            return base
        schema = arrow_schema(base.columns)
        rows = SortedRows(self.local_paths(base), columns, schema, self._scratch)
        files = self._files.write(base.table_id, schema, rows.batches())
        if rows.has_moved_rows:
            return _with_files(base, files)
        self._files.delete(base.table_id, [file.name for file in files])
        return base

    def compact(self, base: Snapshot, sort_by: Sequence[str] = ()) -> Snapshot:
        """Join small neighbouring files; sort the rows of each joined file by the columns `sort_by`, if any.

        Returns `base` if there is nothing to join. Raises Unavailable.
        """
        schema = arrow_schema(base.columns)
        files: list[DataFile] = []
        for run in _runs_to_join(base.files):
            if len(run) == 1:
                files += run
                continue
            paths = [self._files.local_path(base.table_id, file) for file in run]
            joined = (batch for path in paths for batch in read_batches(path))
            batches = SortedRows(paths, sort_by, schema, self._scratch).batches() if sort_by else joined
            files += self._files.write(base.table_id, schema, batches)
        return base if tuple(files) == base.files else _with_files(base, files)

    def commit(self, snapshot: Snapshot) -> Snapshot:
        """Commit a snapshot to the table's Delta log, as its newest version. Raises Conflict, Unavailable."""
        return commit_snapshot(self._files, snapshot)

    def verify_unique(self, snapshot: Snapshot, columns: Sequence[str], since: Snapshot | None = None) -> None:
        """Raise Conflict if two rows have the same values in these columns. A null is never a duplicate.

        `since` is an older snapshot that is known to be unique: then only rows in newer files are checked.
        """
        old = set(since.files) if since else set()
        added = [self._files.local_path(snapshot.table_id, file) for file in snapshot.files if file not in old]
        if since is not None and not added:
            return
        duplicate = find_duplicate(self.local_paths(snapshot), columns, added if since else (), self._scratch)
        if duplicate is not None:
            raise Conflict(f"{', '.join(columns)} must be unique, but two rows would have {duplicate}.")

    def can_be_key(self, snapshot: Snapshot, column: str = KEY_COLUMN) -> bool:
        """Whether a column can be the key: it exists, and its values are unique and not null. Raises Unavailable."""
        if column not in {one.name for one in snapshot.columns}:
            return False
        paths = self.local_paths(snapshot)
        return not has_null(paths, column) and find_duplicate(paths, [column], scratch=self._scratch) is None

    def verify_not_null(self, snapshot: Snapshot, column: str) -> None:
        """Raise Conflict if the column has a null."""
        if has_null(self.local_paths(snapshot), column):
            raise Conflict(f"{column} must have a value in every row, but one row has none.")

    def query_source(self, snapshot: Snapshot) -> Source:
        """Make the files of a snapshot available to the query engine. Raises Unavailable."""
        columns = tuple(QueryColumn(column.name, column.type) for column in snapshot.columns)
        return Source(tuple(self.local_paths(snapshot)), columns)

    def local_paths(self, snapshot: Snapshot) -> list[Path]:
        """Get paths to read a snapshot's files from, in row order. Raises Unavailable."""
        return [self._files.local_path(snapshot.table_id, file) for file in snapshot.files]

    def uri(self, table_id: UUID) -> str:
        """The location of a table, for programs that read Delta Lake."""
        return self._files.uri(table_id)

    def head(self, snapshot: Snapshot, rows: int) -> list[dict[str, Any]]:
        """Read the first rows. Raises Unavailable."""
        found: list[dict[str, Any]] = []
        for file in snapshot.files:
            for batch in read_batches(self._files.local_path(snapshot.table_id, file)):
                found += batch.slice(0, rows - len(found)).to_pylist()
                if len(found) == rows:
                    return found
        return found

    def distinct_values(self, snapshot: Snapshot, column: str) -> Iterator[Any]:
        """Yield the distinct values of a column, without null, in stored order. Raises Unavailable."""
        seen: set[Any] = set()
        for file in snapshot.files:
            for batch in read_batches(self._files.local_path(snapshot.table_id, file), [column]):
                values = pc.unique(batch.column(0)).drop_null().to_pylist()
                yield from (value for value in values if value not in seen)
                seen.update(values)

    def delete_abandoned(self, table_id: UUID, keep: Iterable[str]) -> int:
        """Delete files that are not named in `keep` and are older than a day; returns how many. Raises Unavailable."""
        return self._files.delete_abandoned(table_id, set(keep))

    def list_tables(self) -> list[UUID]:
        """List the ids of all tables. Raises Unavailable."""
        return list(self._files.list_tables())

    def delete_empty(self, table_id: UUID) -> None:
        """Delete the rest of a table that has had no file for a day. Raises Unavailable."""
        self._files.delete_empty_table(table_id)

    def delete(self, table_id: UUID) -> None:
        """Delete a table with all its files. Raises Unavailable; some files may then be left, so try again."""
        self._files.delete_table(table_id)


def count_small_files(snapshot: Snapshot) -> int:
    """Count the files that are worth joining with their neighbours."""
    return sum(file.rows < SMALL_FILE_ROWS for file in snapshot.files)


def make_table_store(url: str, data: Path, cache_bytes: int) -> TableStore:
    """Make the store for the tables of datasets, under the data folder `data`.

    If `url` names an object store, the tables are there, and the data folder has at most `cache_bytes` of copies.
    """
    return TableStore(FileStore(url, data / "tables", cache_bytes), scratch_folder(data))


def _with_files(base: Snapshot, files: Iterable[DataFile]) -> Snapshot:
    return msgspec.structs.replace(base, files=tuple(files), delta_version=None)


def _runs_to_join(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Yield runs of small neighbouring files, to be joined into one; and each larger file alone."""
    run: list[DataFile] = []
    for file in files:
        is_small = file.rows < SMALL_FILE_ROWS
        if run and (not is_small or sum(one.rows for one in run) + file.rows > MAX_FILE_ROWS):
            yield run
            run = []
        if is_small:
            run.append(file)
        else:
            yield [file]
    if run:
        yield run
