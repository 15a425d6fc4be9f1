"""Local copies of files in a cloud's object store, bounded in size; the least recently used are evicted first."""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.store import ObjectStore

from hallmarket.server.tables.parquet_files import SUFFIX
from hallmarket.server.tables.types import DataFile

IN_USE_S = 600  # a copy used within this time is not evicted, even if the cache is too large


class FileCache:
    """A folder of local copies, of at most `max_bytes`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, store: ObjectStore, key: str, file: DataFile) -> Path:
        """Get a local copy of the file at `key`; download and verify it first if there is none.

        Raises OSError or obstore's BaseError if the store fails or the file is not the one that was written.
        """
        path = self._folder / key
        with suppress(FileNotFoundError):
            os.utime(path)  # marks it as recently used
            return path
        self._evict(file.size_bytes)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{uuid4().hex}")
        try:
            _download(store, key, file, partial)
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return path

    def _evict(self, needed_bytes: int) -> None:
        """Delete the least recently used copies until `needed_bytes` fit, except those in use."""
        copies = []
        for path in self._folder.glob(f"*/*/*{SUFFIX}"):
            with suppress(FileNotFoundError):
                copies.append((path.stat().st_mtime, path.stat().st_size, path))
        total_bytes = sum(size_bytes for _, size_bytes, _ in copies)
        for used_at, size_bytes, path in sorted(copies):
            if total_bytes + needed_bytes <= self._max_bytes or used_at > time.time() - IN_USE_S:
                return
            path.unlink(missing_ok=True)
            total_bytes -= size_bytes


def _download(store: ObjectStore, key: str, file: DataFile, path: Path) -> None:
    fingerprint = hashlib.sha3_512()
    with path.open("wb") as opened:
        for piece in obstore.get(store, key).stream():
            fingerprint.update(piece)
            opened.write(piece)
    if fingerprint.hexdigest() != file.sha3_512:
        raise OSError(f"{file.name} is not the file that was written: its SHA3-512 differs")
