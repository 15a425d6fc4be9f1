"""The state file of `publish`: which datasets were created from which files.

A dataset does not contain the bytes of the file it was created from, so the server cannot find it by their fingerprint.
"""

import sqlite3
from pathlib import Path

from hallmarket.cli._shared.exit_status import USAGE, CommandError
from hallmarket.cli._shared.files import state_folder

# `place` is the log's key, the user's id, and the organization and the team if they were given.
_SCHEMA = """
create table if not exists published (
    place text not null,
    sha3_512 blob not null,
    id text not null,
    primary key (place, sha3_512)
) without rowid;
"""


class PublishedDatasets:
    """The state file, opened for one owner; raises CommandError if it cannot be used."""

    def __init__(self, owner: str, path: Path | None = None) -> None:
        self._owner = owner
        path = path or state_folder() / "published.sqlite3"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, timeout=30, isolation_level="IMMEDIATE")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"the state file {path} cannot be used ({error})", USAGE) from None

    def close(self) -> None:
        """Close the file; every record is committed already."""
        self._db.close()

    def find(self, digest: bytes) -> str | None:
        """Return the id of the dataset created from a file with this SHA3-512, or None."""
        row = self._db.execute(
            "select id from published where place = ? and sha3_512 = ?", (self._owner, digest)
        ).fetchone()
        return row[0] if row else None

    def record(self, digest: bytes, dataset_id: str) -> None:
        """Record which dataset was created from a file with this SHA3-512."""
        with self._db:
            self._db.execute("insert or replace into published values (?, ?, ?)", (self._owner, digest, dataset_id))
