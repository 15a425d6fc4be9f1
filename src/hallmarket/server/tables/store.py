"""Tables: each change makes a new snapshot out of an old one, and touches no file that an older one has.

Everything here blocks, on disks, clouds and the processor: call it in a thread. Whoever calls holds the right to
write to the table, and keeps the snapshot that is returned: what is not kept is as if it had not been.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.data_folder import scratch_folder
from hallmarket.server.errors import Conflict, InvalidRequest
from hallmarket.server.settings import Settings
from hallmarket.server.tables import log
from hallmarket.server.tables.coerce import check_enum, coerce_values
from hallmarket.server.tables.files import MAX_FILE_ROWS, Files, read_batches
from hallmarket.server.tables.sort import Sorted
from hallmarket.server.tables.types import Column, File, Snapshot, arrow_schema, arrow_type
from hallmarket.server.tables.unique import find_repeated, has_null

SMALL_ROWS = MAX_FILE_ROWS // 4  # a file with fewer is worth joining to its neighbours
KEY = "id"


class Tables:
    """Every table in the store."""

    def __init__(self, files: Files, scratch: Path | None = None) -> None:
        """Tables of these files; what does not fit into memory meanwhile lies in `scratch`."""
        self._files = files
        self._scratch = scratch

    def create(self, table_id: UUID, columns: Sequence[Column], batches: Iterable[pa.RecordBatch] = ()) -> Snapshot:
        """A table of these columns and rows. Raises Unavailable."""
        return self.append(Snapshot(table_id, tuple(columns)), batches)

    def append(self, base: Snapshot, batches: Iterable[pa.RecordBatch]) -> Snapshot:
        """Rows added behind those of `base`. Raises Unavailable."""
        added = self._files.write(base.table_id, arrow_schema(base.columns), batches)
        return _with_files(base, (*base.files, *added))

    def overwrite(self, base: Snapshot, batches: Iterable[pa.RecordBatch]) -> Snapshot:
        """Other rows in place of all of `base`'s. Raises Unavailable."""
        return _with_files(base, self._files.write(base.table_id, arrow_schema(base.columns), batches))

    def upsert(self, base: Snapshot, key: str, rows: pa.Table) -> tuple[Snapshot, int, int]:
        """Rows replaced in their place where their key is known, added behind where not; the last of one key counts.

        Returns the snapshot, how many rows were inserted and how many updated. Raises InvalidRequest, Unavailable.
        """
        _check_key(rows, key)
        rows, given = _last_of_each(rows, key), rows.num_rows
        changed, known = self._replace(base, key, rows, partial(_replaced, rows))
        new = rows.filter(pc.invert(known))
        snapshot = self.append(changed, new.to_batches())
        return snapshot, new.num_rows, given - new.num_rows

    def update(
        self, base: Snapshot, key: str, rows: pa.Table, sent: Mapping[str, pa.Array | None]
    ) -> tuple[Snapshot, int, int]:
        """Known rows changed in the columns that were sent: `sent` names them, with which rows sent them if not all.

        Of two rows of one key the later one comes on top. Returns the snapshot, how many rows changed and how many
        keys were unknown and skipped. Raises InvalidRequest, Unavailable.
        """
        _check_key(rows, key)
        updated = 0
        for chosen in _rounds(rows.column(key)):
            part = rows.take(chosen)
            where = {name: None if mask is None else mask.take(chosen) for name, mask in sent.items()}
            base, known = self._replace(base, key, part, partial(_changed, part, where))
            updated += pc.sum(known.cast(pa.int64())).as_py() or 0
        return base, updated, rows.num_rows - updated

    def _replace(
        self, base: Snapshot, key: str, rows: pa.Table, change: Callable[[pa.Table, pa.Array], pa.Table]
    ) -> tuple[Snapshot, pa.Array]:
        """Every file that has one of the keys written again with `change`; and which of the keys were known.

        `change` gets rows, and for each the place of its key in `rows` or null.
        """
        keys = rows.column(key).combine_chunks()
        known = pa.array([False] * len(keys), pa.bool_())
        files: list[File] = []
        for file in base.files:
            path = self._files.local_path(base.table_id, file)
            met = [pc.index_in(batch.column(0), keys) for batch in read_batches(path, [key])]
            places = pa.chunked_array(met, pa.int32())
            if places.null_count == len(places):
                files.append(file)
                continue
            known = pc.or_(known, pc.is_in(pa.array(range(len(keys)), pa.int32()), value_set=pc.unique(places)))
            batches = _apply(read_batches(path), places, change)
            files += self._files.write(base.table_id, arrow_schema(base.columns), batches)
        return _with_files(base, files), known

    def change_columns(self, base: Snapshot, columns: Sequence[tuple[Column, str | None]]) -> Snapshot:
        """The same rows under other columns, each with the name of the one it comes from, or None for nulls.

        Raises InvalidRequest naming the value that does not fit, Unavailable.
        """
        wanted = tuple(column for column, _ in columns)
        before = {column.name: column for column in base.columns}
        schema, files = arrow_schema(wanted), []
        same = schema == arrow_schema(base.columns) and all(column.name == source for column, source in columns)
        row = 1
        for file in base.files:
            batches = self._recast(base.table_id, file, columns, before, row)
            if same:
                for _ in batches:  # what the columns now ask for is looked at, not written
                    pass
                files.append(file)
            else:
                files += self._files.write(base.table_id, schema, batches)
            row += file.rows
        return Snapshot(base.table_id, wanted, tuple(files))

    def _recast(
        self,
        table_id: UUID,
        file: File,
        columns: Sequence[tuple[Column, str | None]],
        before: Mapping[str, Column],
        row: int,
    ) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema([column for column, _ in columns])
        for batch in read_batches(self._files.local_path(table_id, file)):
            arrays = [
                pa.nulls(batch.num_rows, arrow_type(column.type))
                if source is None
                else _cast(before[source], column, batch.column(source), row)
                for column, source in columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            row += batch.num_rows

    def sort(self, base: Snapshot, columns: Sequence[str]) -> Snapshot:
        """The same rows by these columns, nulls last; `base` itself if they are so already. Raises Unavailable."""
        if base.rows < 2:
            return base
        schema = arrow_schema(base.columns)
        rows = Sorted(self.local_paths(base), columns, schema, self._scratch)
        files = self._files.write(base.table_id, schema, rows.batches())
        if rows.moved:
            return _with_files(base, files)
        self._files.delete(base.table_id, [file.name for file in files])
        return base

    def compact(self, base: Snapshot, by: Sequence[str] = ()) -> Snapshot:
        """The same rows, small neighbouring files joined, and what is joined sorted by the columns `by`, if any.

        `base` itself if none are worth it. Raises Unavailable.
        """
        schema = arrow_schema(base.columns)
        files: list[File] = []
        for run in _runs(base.files):
            if len(run) == 1:
                files += run
                continue
            paths = [self._files.local_path(base.table_id, file) for file in run]
            joined = (batch for path in paths for batch in read_batches(path))
            batches = Sorted(paths, by, schema, self._scratch).batches() if by else joined
            files += self._files.write(base.table_id, schema, batches)
        return base if tuple(files) == base.files else _with_files(base, files)

    def commit(self, snapshot: Snapshot) -> Snapshot:
        """Enter a snapshot in the table's Delta log, as its newest version. Raises Conflict, Unavailable."""
        return log.commit(self._files, snapshot)

    def check_unique(self, snapshot: Snapshot, columns: Sequence[str], since: Snapshot | None = None) -> None:
        """Raises Conflict if two rows have the same values in these columns, nulls aside.

        With `since`, whose rows are known to be unique, only what newer files repeat is looked for.
        """
        old = set(since.files) if since else set()
        added = [self._files.local_path(snapshot.table_id, file) for file in snapshot.files if file not in old]
        if since is not None and not added:
            return
        repeated = find_repeated(self.local_paths(snapshot), columns, added if since else (), self._scratch)
        if repeated is not None:
            raise Conflict(f"{', '.join(columns)} must be unique, and two rows would have {repeated}.")

    def is_key(self, snapshot: Snapshot, column: str = KEY) -> bool:
        """Whether a column can be the key: it is there, and its values are unique and not null. Raises Unavailable."""
        if column not in {one.name for one in snapshot.columns}:
            return False
        paths = self.local_paths(snapshot)
        return not has_null(paths, column) and find_repeated(paths, [column], scratch=self._scratch) is None

    def check_no_null(self, snapshot: Snapshot, column: str) -> None:
        """Raises Conflict if a column that must have values has a null."""
        if has_null(self.local_paths(snapshot), column):
            raise Conflict(f"{column} must have a value in every row, and one has none.")

    def local_paths(self, snapshot: Snapshot) -> list[Path]:
        """Paths to read a snapshot's files by, in the order of its rows. Raises Unavailable."""
        return [self._files.local_path(snapshot.table_id, file) for file in snapshot.files]

    def uri(self, table_id: UUID) -> str:
        """Where a table is, for programs that read Delta Lake."""
        return self._files.uri(table_id)

    def head(self, snapshot: Snapshot, rows: int) -> list[dict[str, Any]]:
        """The first rows. Raises Unavailable."""
        found: list[dict[str, Any]] = []
        for file in snapshot.files:
            for batch in read_batches(self._files.local_path(snapshot.table_id, file)):
                found += batch.slice(0, rows - len(found)).to_pylist()
                if len(found) == rows:
                    return found
        return found

    def distinct(self, snapshot: Snapshot, column: str) -> Iterator[Any]:
        """The different values of a column, nulls aside, as they are met. Raises Unavailable."""
        met: set[Any] = set()
        for file in snapshot.files:
            for batch in read_batches(self._files.local_path(snapshot.table_id, file), [column]):
                values = pc.unique(batch.column(0)).drop_null().to_pylist()
                yield from (value for value in values if value not in met)
                met.update(values)

    def sweep(self, table_id: UUID, keep: Iterable[str]) -> int:
        """Delete the files that `keep` does not name and that are older than a day. Raises Unavailable."""
        return self._files.sweep(table_id, set(keep))

    def table_ids(self) -> list[UUID]:
        """Every table there is. Raises Unavailable."""
        return list(self._files.table_ids())

    def forget_empty(self, table_id: UUID) -> None:
        """Delete what is left of a table without files, a day later. Raises Unavailable."""
        self._files.forget_empty(table_id)

    def forget(self, table_id: UUID) -> None:
        """Delete a whole table. Raises Unavailable; then some of it is left for the next attempt."""
        self._files.forget(table_id)


def small_files(snapshot: Snapshot) -> int:
    """How many of its files are worth joining to their neighbours."""
    return sum(file.rows < SMALL_ROWS for file in snapshot.files)


def _with_files(base: Snapshot, files: Iterable[File]) -> Snapshot:
    return msgspec.structs.replace(base, files=tuple(files), delta_version=None)


def _check_key(rows: pa.Table, key: str) -> None:
    column = rows.column(key)
    if column.null_count:
        at = pc.index(pc.is_null(column), True).as_py()
        raise InvalidRequest(f"Column {key}, row {at + 1}: every row needs its key.", key)


def _last_of_each(rows: pa.Table, key: str) -> pa.Table:
    """The rows without those whose key comes again; a key stands where it stood first."""
    keys = rows.column(key).combine_chunks()
    firsts = pc.unique(keys)
    if len(firsts) == len(keys):
        return rows
    last = dict(zip(pc.index_in(keys, firsts).to_pylist(), range(len(keys)), strict=True))
    return rows.take(pa.array([last[place] for place in range(len(firsts))], pa.int64()))


def _rounds(keys: pa.ChunkedArray) -> Iterator[pa.Array]:
    """The places of rows, so that no round has a key twice, and of one key the first comes first."""
    keys = keys.combine_chunks()
    firsts = pc.unique(keys)
    if len(firsts) == len(keys):
        yield pa.array(range(len(keys)), pa.int64())
        return
    rounds: list[list[int]] = []
    met: dict[int, int] = {}
    for place, key in enumerate(pc.index_in(keys, firsts).to_pylist()):
        turn = met[key] = met.get(key, -1) + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(place)
    for places in rounds:
        yield pa.array(places, pa.int64())


def _apply(
    batches: Iterator[pa.RecordBatch], places: pa.ChunkedArray, change: Callable[[pa.Table, pa.Array], pa.Table]
) -> Iterator[pa.RecordBatch]:
    offset = 0
    for batch in batches:
        at = places.slice(offset, batch.num_rows).combine_chunks()
        offset += batch.num_rows
        if at.null_count == len(at):
            yield batch
        else:
            yield from change(pa.Table.from_batches([batch]), at).to_batches()


def _replaced(rows: pa.Table, old: pa.Table, at: pa.Array) -> pa.Table:
    """Old rows, and where `at` names one of `rows`, that one instead."""
    return pa.table(
        [_mixed(old.column(name), rows.column(name), at, at.is_valid()) for name in old.column_names], schema=old.schema
    )


def _changed(rows: pa.Table, sent: Mapping[str, pa.Array | None], old: pa.Table, at: pa.Array) -> pa.Table:
    """Old rows, and where `at` names one of `rows`, the columns that this one sent."""
    columns = []
    for name in old.column_names:
        if name not in sent:
            columns.append(old.column(name))
            continue
        mask, chosen = sent[name], at.is_valid()
        if mask is not None:
            chosen = pc.and_(chosen, pc.fill_null(mask.take(at), False))
        columns.append(_mixed(old.column(name), rows.column(name), at, chosen))
    return pa.table(columns, schema=old.schema)


def _mixed(old: pa.ChunkedArray, new: pa.ChunkedArray, at: pa.Array, chosen: pa.Array) -> pa.Array:
    return pc.if_else(chosen, new.combine_chunks().take(at), old.combine_chunks())


def _runs(files: Sequence[File]) -> Iterator[list[File]]:
    """Neighbours that are small, together; a file that is large enough, alone."""
    run: list[File] = []
    for file in files:
        small = file.rows < SMALL_ROWS
        if run and (not small or sum(one.rows for one in run) + file.rows > MAX_FILE_ROWS):
            yield run
            run = []
        if small:
            run.append(file)
        else:
            yield [file]
    if run:
        yield run


def _cast(source: Column, target: Column, array: pa.Array, first_row: int) -> pa.Array:
    """A column's values under another type, exactly. Raises InvalidRequest for one that does not fit."""
    if source.type == target.type:
        if target.enum_values is not None and target.enum_values != source.enum_values:
            check_enum(target, array, first_row)
        return array
    values = [value.isoformat() if isinstance(value, date | datetime) else value for value in array.to_pylist()]
    if target.type == "text":
        values = [value if value is None or isinstance(value, bool) else str(value) for value in values]
    return coerce_values(target, values, first_row)


def make_tables(settings: Settings) -> Tables:
    """The tables of datasets, beside the blobs; what is read of a cloud's is copied into the data folder."""
    files = Files(settings.blobs, settings.data / "tables", settings.table_cache_mib * 1024 * 1024)
    return Tables(files, scratch_folder(settings.data))
