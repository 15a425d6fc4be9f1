"""The files of tables: in a folder of the data, or in somebody's cloud with a bounded local copy of what is read.

A file's name is random and ours. It is written once, durable before anything refers to it, and never changed.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import obstore
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from hallmarket.server.blobs.object_store import CLIENT_OPTIONS, RETRY_CONFIG
from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.types import File

MAX_FILE_ROWS = 1_000_000  # a change of one row writes its whole file again
GROUP_ROWS = 122_880  # what DuckDB reads at once
BATCH_ROWS = 61_440  # half a group
SAMPLE_ROWS = 16_384  # which tell whether the values of a column repeat
IN_USE_S = 600  # a local copy that was asked for within this time stays, however little room there is
ABANDONED = timedelta(days=1)
AWAY = (BaseError, OSError)
ENDING = ".parquet"


class Files:
    """The Parquet files of tables, by table and name."""

    def __init__(self, url: str, folder: Path, cache_bytes: int) -> None:
        """Files at `url`, with at most `cache_bytes` of them copied into `folder`; or in `folder` if it is empty."""
        self._url = url.rstrip("/")
        self._folder = folder
        self._cache_bytes = cache_bytes

    @cached_property
    def _store(self) -> ObjectStore:
        return from_url(f"{self._url}/tables", client_options=CLIENT_OPTIONS, retry_config=RETRY_CONFIG)

    @property
    def is_local(self) -> bool:
        """Whether the files lie in a folder of this machine."""
        return not self._url

    def uri(self, table_id: UUID) -> str:
        """Where a table is, for programs that read Delta Lake."""
        return f"{self._url}/tables/{_place(table_id)}" if self._url else str(self._folder / _place(table_id))

    def write(self, table_id: UUID, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[File, ...]:
        """Write rows in their order, into as many files as they need; all durable when this returns.

        Raises Unavailable, and whatever `batches` raises; then no file is left, or such as a sweep clears away.
        """
        written: list[File] = []
        groups = _groups(schema, batches)
        try:
            while (first := next(groups, None)) is not None:
                written.append(self._write_one(table_id, schema, first, groups))
        except BaseException as error:
            self.delete(table_id, [file.name for file in written])
            if isinstance(error, AWAY):
                raise Unavailable("The object store is away or full. Nothing was kept; try again.") from error
            raise
        return tuple(written)

    def _write_one(self, table_id: UUID, schema: pa.Schema, first: pa.Table, rest: Iterator[pa.Table]) -> File:
        name = uuid4().hex + ENDING
        path = self._folder / _place(table_id) / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with path.open("wb") as opened:
                sink = _Fingerprinting(opened)
                with pq.ParquetWriter(
                    sink, schema, compression="zstd", write_batch_size=GROUP_ROWS, use_dictionary=_repeating(first)
                ) as writer:
                    rows = _write_groups(writer, first, rest)
                opened.flush()
                os.fsync(opened.fileno())
            if self._url:
                with path.open("rb") as content:
                    obstore.put(self._store, f"{_place(table_id)}/{name}", content)
            else:
                flush_folders(path.parent, self._folder)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return File(name, sink.size_bytes, rows, sink.sha3_512.hexdigest())

    def local_path(self, table_id: UUID, file: File) -> Path:
        """A path to read a file by; if it is not here it is fetched and checked. Raises Unavailable."""
        path = self._folder / _place(table_id) / file.name
        if self._url:
            with suppress(FileNotFoundError):
                os.utime(path)  # it is in use: the least lately used go first
                return path
            self._fetch(table_id, file, path)
        return path

    def _fetch(self, table_id: UUID, file: File, path: Path) -> None:
        self._make_room(file.size_bytes)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        coming = path.with_name(f"{path.name}.{uuid4().hex}")
        fingerprint = hashlib.sha3_512()
        try:
            with coming.open("wb") as opened:
                for piece in obstore.get(self._store, f"{_place(table_id)}/{file.name}").stream():
                    fingerprint.update(piece)
                    opened.write(piece)
            if fingerprint.hexdigest() != file.sha3_512:
                raise OSError(f"{file.name} is not what was written: its fingerprint differs")
            coming.rename(path)
        except AWAY as error:
            coming.unlink(missing_ok=True)
            raise Unavailable("The object store is away. Try again.") from error

    def _make_room(self, size_bytes: int) -> None:
        """Forget local copies, least lately used first, until there is room for one more; never one in use."""
        copies = []
        for path in self._folder.glob(f"*/*/*{ENDING}"):
            with suppress(FileNotFoundError):
                copies.append((path.stat().st_mtime, path.stat().st_size, path))
        kept = sum(size for _, size, _ in copies)
        for used, size, path in sorted(copies):
            if kept + size_bytes <= self._cache_bytes or used > time.time() - IN_USE_S:
                return
            path.unlink(missing_ok=True)
            kept -= size

    def delete(self, table_id: UUID, names: Iterable[str]) -> None:
        """Forget files that nothing refers to; one that cannot be deleted now is a later sweep's."""
        for name in names:
            with suppress(*AWAY):
                (self._folder / _place(table_id) / name).unlink(missing_ok=True)
                if self._url:
                    obstore.delete(self._store, f"{_place(table_id)}/{name}")

    def sweep(self, table_id: UUID, keep: set[str]) -> int:
        """Delete the files that are not in `keep` and older than a day; returns how many. Raises Unavailable."""
        try:
            return self._sweep(table_id, keep)
        except AWAY as error:
            raise Unavailable("The object store is away. Try again.") from error

    def _sweep(self, table_id: UUID, keep: set[str]) -> int:
        before = datetime.now(UTC) - ABANDONED
        old: list[str] = []
        if self._url:
            for page in obstore.list(self._store, prefix=_place(table_id)):
                names = {entry["path"].rpartition("/")[2]: entry["last_modified"] for entry in page}
                old += [name for name, changed in names.items() if changed < before]
        else:
            for path in (self._folder / _place(table_id)).glob("*"):
                if path.is_file() and path.stat().st_mtime < before.timestamp():
                    old.append(path.name)
        gone = [name for name in old if name.endswith(ENDING) and name not in keep]
        self.delete(table_id, gone)
        return len(gone)

    def forget_empty(self, table_id: UUID) -> None:
        """Delete a table's log if it has no file and has been left alone for a day. Raises Unavailable."""
        try:
            if self._url:
                self._forget_empty_in_cloud(table_id)
            else:
                _forget_empty_folder(self._folder / _place(table_id))
        except AWAY as error:
            raise Unavailable("The object store is away. Try again.") from error

    def _forget_empty_in_cloud(self, table_id: UUID) -> None:
        left = [entry for page in obstore.list(self._store, prefix=_place(table_id)) for entry in page]
        before = datetime.now(UTC) - ABANDONED
        if all(entry["last_modified"] < before and not entry["path"].endswith(ENDING) for entry in left):
            obstore.delete(self._store, [entry["path"] for entry in left])

    def table_ids(self) -> Iterator[UUID]:
        """Every table that has a file. Raises Unavailable."""
        try:
            if self._url:
                for shelf in obstore.list_with_delimiter(self._store)["common_prefixes"]:
                    for place in obstore.list_with_delimiter(self._store, prefix=shelf)["common_prefixes"]:
                        yield UUID(place.rstrip("/").rpartition("/")[2])
            else:
                yield from [UUID(place.name) for place in self._folder.glob("??/*")]
        except AWAY as error:
            raise Unavailable("The object store is away. Try again.") from error

    def forget(self, table_id: UUID) -> None:
        """Delete a table, whatever is in it. Raises Unavailable; then some of it is left for the next attempt."""
        try:
            if self._url:
                for page in obstore.list(self._store, prefix=_place(table_id)):
                    obstore.delete(self._store, [entry["path"] for entry in page])
            shutil.rmtree(self._folder / _place(table_id), ignore_errors=False)
        except FileNotFoundError:
            return
        except AWAY as error:
            raise Unavailable("The object store is away. Try again.") from error


def _forget_empty_folder(folder: Path) -> None:
    young = time.time() - ABANDONED.total_seconds()
    left = [path for path in folder.rglob("*") if path.is_file()]
    if any(path.suffix == ENDING or path.stat().st_mtime > young for path in left):
        return
    shutil.rmtree(folder / "_delta_log", ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()  # which leaves a folder alone into which a file has come just now


class _Fingerprinting:
    """A file to write into that fingerprints and counts what is written."""

    closed = False

    def __init__(self, opened: BinaryIO) -> None:
        self._write = opened.write
        self.sha3_512 = hashlib.sha3_512()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Write and count."""
        self._write(data)
        self.sha3_512.update(data)
        self.size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """Where the next bytes go."""
        return self.size_bytes

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The file itself is closed by whoever opened it."""


def _groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Rows as row groups of one size, the last one aside: what a query skips or reads, by its least and greatest."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= GROUP_ROWS:
            table = pa.Table.from_batches(waiting, schema)
            yield table.slice(0, GROUP_ROWS)
            waiting = table.slice(GROUP_ROWS).to_batches()
            rows -= GROUP_ROWS
    if rows:
        yield pa.Table.from_batches(waiting, schema)


def _write_groups(writer: pq.ParquetWriter, group: pa.Table, rest: Iterator[pa.Table]) -> int:
    """Write row groups, up to a file's worth; returns how many rows."""
    rows = 0
    while True:
        writer.write_table(group, row_group_size=GROUP_ROWS)
        rows += int(group.num_rows)
        if rows >= MAX_FILE_ROWS or (following := next(rest, None)) is None:
            return rows
        group = following


def _repeating(group: pa.Table) -> list[str]:
    """The columns whose values repeat, which a dictionary makes smaller; of the others it makes larger, slower ones."""
    sample = group.slice(0, SAMPLE_ROWS)
    return [name for name in sample.column_names if pc.count_distinct(sample[name]).as_py() * 2 <= sample.num_rows]


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """A file's rows in their order, a batch at a time."""
    with pq.ParquetFile(path) as opened:
        yield from opened.iter_batches(BATCH_ROWS, columns=columns)


def flush_file(path: Path) -> None:
    """Make what was written to a file or folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folders(folder: Path, top: Path) -> None:
    """Make the names in a folder durable, and those in the folders above it up to `top`."""
    for place in (folder, *folder.parents):
        flush_file(place)
        if place == top:
            return


def _place(table_id: UUID) -> str:
    text = table_id.hex
    return f"{text[-2:]}/{text}"  # by its random end, as with blobs
