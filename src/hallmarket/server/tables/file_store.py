"""Stores the files of tables, in a folder or in a cloud's object store.

A file has a random name. It is written once, durable before anything refers to it, and never changed.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from hallmarket.server.blobs.object_store import CLIENT_OPTIONS, RETRY_CONFIG
from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.file_cache import FileCache
from hallmarket.server.tables.fsync import flush_folders
from hallmarket.server.tables.parquet_files import SUFFIX, write_files
from hallmarket.server.tables.types import DataFile

ABANDONED_AFTER = timedelta(days=1)
STORE_ERRORS = (BaseError, OSError)


class FileStore:
    """The Parquet files of all tables, by table and name."""

    def __init__(self, url: str, folder: Path, cache_bytes: int) -> None:
        """Store files at `url`, and cache up to `cache_bytes` of them in `folder`.

        If `url` is empty, `folder` is the store.
        """
        self._url = url.rstrip("/")
        self._folder = folder
        self._cache = FileCache(folder, cache_bytes)

    @cached_property
    def _store(self) -> ObjectStore:
        return from_url(f"{self._url}/tables", client_options=CLIENT_OPTIONS, retry_config=RETRY_CONFIG)

    @property
    def is_local(self) -> bool:
        """Whether the files are in a folder of this machine."""
        return not self._url

    def uri(self, table_id: UUID) -> str:
        """The location of a table, for programs that read Delta Lake."""
        return f"{self._url}/tables/{_prefix(table_id)}" if self._url else str(self._table_folder(table_id))

    def write(self, table_id: UUID, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[DataFile, ...]:
        """Write rows in order, into as many files as they need. All are durable when this returns.

        Raises Unavailable, and any exception that `batches` raises. Then no file is left, or files that a later
        `delete_abandoned` removes.
        """
        written: list[DataFile] = []
        try:
            for file in write_files(self._table_folder(table_id), schema, batches):
                self._make_durable(table_id, file)
                written.append(file)
        except BaseException as error:
            self.delete(table_id, [file.name for file in written])
            if isinstance(error, STORE_ERRORS):
                raise Unavailable("The object store is unavailable or full. Nothing was saved; try again.") from error
            raise
        return tuple(written)

    def _make_durable(self, table_id: UUID, file: DataFile) -> None:
        path = self._table_folder(table_id) / file.name
        try:
            if self._url:
                with path.open("rb") as content:
                    obstore.put(self._store, f"{_prefix(table_id)}/{file.name}", content)
            else:
                flush_folders(path.parent, self._folder)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def local_path(self, table_id: UUID, file: DataFile) -> Path:
        """Get a path to read a file from; a file in a cloud is downloaded first. Raises Unavailable."""
        if not self._url:
            return self._table_folder(table_id) / file.name
        try:
            return self._cache.get(self._store, f"{_prefix(table_id)}/{file.name}", file)
        except STORE_ERRORS as error:
            raise _unavailable() from error

    def delete(self, table_id: UUID, names: Iterable[str]) -> None:
        """Delete files that nothing refers to. One that cannot be deleted now is left for `delete_abandoned`."""
        for name in names:
            with suppress(*STORE_ERRORS):
                (self._table_folder(table_id) / name).unlink(missing_ok=True)
                if self._url:
                    obstore.delete(self._store, f"{_prefix(table_id)}/{name}")

    def delete_abandoned(self, table_id: UUID, keep: set[str]) -> int:
        """Delete a table's files that are not in `keep` and are older than a day; returns how many.

        Raises Unavailable.
        """
        try:
            old = self._list_old_names(table_id)
        except STORE_ERRORS as error:
            raise _unavailable() from error
        abandoned = [name for name in old if name.endswith(SUFFIX) and name not in keep]
        self.delete(table_id, abandoned)
        return len(abandoned)

    def _list_old_names(self, table_id: UUID) -> list[str]:
        before = datetime.now(UTC) - ABANDONED_AFTER
        if not self._url:
            paths = self._table_folder(table_id).glob("*")
            return [path.name for path in paths if path.is_file() and path.stat().st_mtime < before.timestamp()]
        entries = (entry for page in obstore.list(self._store, prefix=_prefix(table_id)) for entry in page)
        return [entry["path"].rpartition("/")[2] for entry in entries if entry["last_modified"] < before]

    def delete_empty_table(self, table_id: UUID) -> None:
        """Delete a table's Delta log if the table has no file and has not changed for a day. Raises Unavailable."""
        try:
            if self._url:
                self._delete_empty_prefix(table_id)
            else:
                _delete_empty_folder(self._table_folder(table_id))
        except STORE_ERRORS as error:
            raise _unavailable() from error

    def _delete_empty_prefix(self, table_id: UUID) -> None:
        entries = [entry for page in obstore.list(self._store, prefix=_prefix(table_id)) for entry in page]
        before = datetime.now(UTC) - ABANDONED_AFTER
        if all(entry["last_modified"] < before and not entry["path"].endswith(SUFFIX) for entry in entries):
            obstore.delete(self._store, [entry["path"] for entry in entries])

    def list_tables(self) -> Iterator[UUID]:
        """Yield the id of every table that has a file. Raises Unavailable."""
        try:
            if self._url:
                for prefix in obstore.list_with_delimiter(self._store)["common_prefixes"]:
                    for table in obstore.list_with_delimiter(self._store, prefix=prefix)["common_prefixes"]:
                        yield UUID(table.rstrip("/").rpartition("/")[2])
            else:
                yield from [UUID(path.name) for path in self._folder.glob("??/*")]
        except STORE_ERRORS as error:
            raise _unavailable() from error

    def delete_table(self, table_id: UUID) -> None:
        """Delete a table with all its files. Raises Unavailable; some files may then be left, so try again."""
        try:
            if self._url:
                for page in obstore.list(self._store, prefix=_prefix(table_id)):
                    obstore.delete(self._store, [entry["path"] for entry in page])
            shutil.rmtree(self._table_folder(table_id))
        except FileNotFoundError:
            return
        except STORE_ERRORS as error:
            raise _unavailable() from error

    def _table_folder(self, table_id: UUID) -> Path:
        return self._folder / _prefix(table_id)


def _delete_empty_folder(folder: Path) -> None:
    oldest = time.time() - ABANDONED_AFTER.total_seconds()
    paths = [path for path in folder.rglob("*") if path.is_file()]
    if any(path.suffix == SUFFIX or path.stat().st_mtime > oldest for path in paths):
        return
    shutil.rmtree(folder / "_delta_log", ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()  # fails if a file has been added since, which must stay


def _prefix(table_id: UUID) -> str:
    """The folder of a table within the store: first the last two digits of its id, which are random."""
    text = table_id.hex
    return f"{text[-2:]}/{text}"


def _unavailable() -> Unavailable:
    return Unavailable("The object store is unavailable. Try again.")
