"""The state file of `anchor`: which files are anchored in which log, by size, modification time and inode.

A log is identified by its verifier key, so one registry at two addresses is one log, and a new registry at an old
address is another.
"""

import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hallmarket.cli._shared.exit_status import USAGE, CommandError
from hallmarket.cli._shared.files import state_folder
from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli.anchor.walk import FoundFile

# A file modified this shortly before the run began may change again without a new modification time.
CLOCK_TICK_NS = 20_000_000

_SCHEMA = """
begin immediate;
create table if not exists log (number integer primary key, key text not null unique, size integer not null);
create table if not exists file (
    log integer not null references log on delete cascade,
    path blob not null,
    size integer not null,
    mtime_ns integer not null,
    inode integer not null,
    sha3_512 blob not null,
    id text, -- null: registered by another organization
    primary key (log, path)
) without rowid;
create index if not exists file_by_id on file (id) where id is not null;
commit;
"""


class AnchoredFile(NamedTuple):
    """A file that the registry has acknowledged; `id` is None if another organization had registered it."""

    path: str
    fingerprint: Fingerprint
    id: str | None


def default_path() -> Path:
    """Return the default path of the state file."""
    return state_folder() / "anchored.sqlite3"


class State:
    """The state file, opened for one log; raises CommandError if it cannot be used."""

    def __init__(self, path: Path, log_key: str, log_size: int) -> None:
        self._started_ns = time.time_ns()
        self._folder = os.getcwdb()  # noqa: PTH109 - bytes
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Immediate transactions make a second command wait; deferred ones would fail when both read, then write.
            self._db = sqlite3.connect(path, timeout=30, isolation_level="IMMEDIATE")
            self._db.execute("pragma foreign_keys = on")
            self._db.executescript(_SCHEMA)
            self.log_was_reset = self._open_log(log_key, log_size)
        except (OSError, sqlite3.Error) as error:
            raise CommandError(
                f"the state file {path} cannot be used ({error}); choose another with --state", USAGE
            ) from None

    def close(self) -> None:
        """Close the file; every record is committed already."""
        self._db.close()

    def find_unchanged(self, file: FoundFile) -> bytes | None:
        """Return the SHA3-512 of a file that is recorded and has not changed since, or None."""
        row = self._db.execute(
            "select sha3_512 from file where log = ? and path = ? and size = ? and mtime_ns = ? and inode = ?",
            (self._log, self._key(file.path), file.size_bytes, file.mtime_ns, file.inode),
        ).fetchone()
        return row[0] if row else None

    def record(self, files: Iterable[AnchoredFile]) -> None:
        """Record acknowledged files in one transaction."""
        now_ns = time.time_ns()
        rows = [
            (self._log, self._key(path), read.size_bytes, read.mtime_ns, read.inode, read.digest, media_id)
            for path, read, media_id in files
            if not self._started_ns - CLOCK_TICK_NS <= read.mtime_ns <= now_ns
        ]
        with self._db:
            self._db.executemany("insert or replace into file values (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, media_id: str) -> list[str]:
        """Remove an item that the log could not enter, and return the paths of its files."""
        with self._db:
            rows = self._db.execute(
                "delete from file where log = ? and id = ? returning path", (self._log, media_id)
            ).fetchall()
        return [os.fsdecode(row[0]) for row in rows]

    def record_log_size(self, size: int) -> None:
        """Record the log's size, so that a registry that started again with an old key is noticed."""
        with self._db:
            self._db.execute("update log set size = max(size, ?) where number = ?", (size, self._log))

    def _open_log(self, key: str, size: int) -> bool:
        with self._db:
            self._db.execute("begin immediate")
            row = self._db.execute("select number, size from log where key = ?", (key,)).fetchone()
            was_reset = row is not None and size < row[1]
            if was_reset:
                self._db.execute("delete from log where number = ?", (row[0],))
            if row is None or was_reset:
                row = self._db.execute(
                    "insert into log (key, size) values (?, ?) returning number", (key, size)
                ).fetchone()
        self._log: int = row[0]
        return was_reset

    def _key(self, path: str) -> bytes:
        name = os.fsencode(path)
        return os.path.normpath(os.path.join(self._folder, name))  # noqa: PTH118 - bytes, as names are
