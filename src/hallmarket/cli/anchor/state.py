"""What has been anchored already: per log and file its size, time of change and inode, in a small SQLite file.

A log is known by its verifier key, so the same registry under two addresses is one, and a fresh registry under an old
address is another.
"""

import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hallmarket.cli._shared.exit_status import USAGE, CommandError
from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli.anchor.walk import FoundFile

# A file changed this shortly before the run began could change again without its time of change moving.
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
    id text, -- null: somebody else registered it
    primary key (log, path)
) without rowid;
create index if not exists file_by_id on file (id) where id is not null;
commit;
"""


class Done(NamedTuple):
    """A file that the registry has acknowledged; `id` is None where somebody else had registered it."""

    path: str
    fingerprint: Fingerprint
    id: str | None


def default_path() -> Path:
    """Where the state is kept: hallmarket/anchored.sqlite3 in the XDG state folder."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "hallmarket" / "anchored.sqlite3"


class State:
    """The state file, opened for one log; raises CommandError where it cannot be used."""

    def __init__(self, path: Path, log_key: str, log_size: int) -> None:
        self._started_ns = time.time_ns()
        self._folder = os.getcwdb()  # noqa: PTH109 - bytes
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Immediate: two commands that both read and then write would else be refused rather than made to wait.
            self._db = sqlite3.connect(path, timeout=30, isolation_level="IMMEDIATE")
            self._db.execute("pragma foreign_keys = on")
            self._db.executescript(_SCHEMA)
            self.log_was_reset = self._open_log(log_key, log_size)
        except (OSError, sqlite3.Error) as error:
            raise CommandError(
                f"the state file {path} cannot be used ({error}); name another by --state", USAGE
            ) from None

    def close(self) -> None:
        """Close the file; everything recorded is in it already."""
        self._db.close()

    def find_unchanged(self, file: FoundFile) -> bytes | None:
        """Return the SHA3-512 of a file acknowledged earlier and not changed since, or None."""
        row = self._db.execute(
            "select sha3_512 from file where log = ? and path = ? and size = ? and mtime_ns = ? and inode = ?",
            (self._log, self._key(file.path), file.size_bytes, file.mtime_ns, file.inode),
        ).fetchone()
        return row[0] if row else None

    def record(self, done: Iterable[Done]) -> None:
        """Remember acknowledged files, all in one transaction."""
        now_ns = time.time_ns()
        rows = [
            (self._log, self._key(path), read.size_bytes, read.mtime_ns, read.inode, read.digest, media_id)
            for path, read, media_id in done
            if not self._started_ns - CLOCK_TICK_NS <= read.mtime_ns <= now_ns
        ]
        with self._db:
            self._db.executemany("insert or replace into file values (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, media_id: str) -> list[str]:
        """Forget an item that the log could not take, and return the paths of its files."""
        with self._db:
            rows = self._db.execute(
                "delete from file where log = ? and id = ? returning path", (self._log, media_id)
            ).fetchall()
        return [os.fsdecode(row[0]) for row in rows]

    def see_log(self, size: int) -> None:
        """Remember how many entries the log has, by which a registry begun afresh under an old key is noticed."""
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
