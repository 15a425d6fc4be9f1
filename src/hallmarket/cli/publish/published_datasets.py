"""Which datasets were made of which files, in a small SQLite file: a dataset does not hold the bytes it was made of."""

import sqlite3
from pathlib import Path

from hallmarket.cli._shared.exit_status import USAGE, CommandError
from hallmarket.cli.anchor.state import default_path

_SCHEMA = """
create table if not exists published (
    place text not null, -- whose, and where: log, person, organization, team
    sha3_512 blob not null,
    id text not null,
    primary key (place, sha3_512)
) without rowid;
"""


class PublishedDatasets:
    """The file, opened for one place; raises CommandError where it cannot be used."""

    def __init__(self, place: str, path: Path | None = None) -> None:
        self._place = place
        path = path or default_path().with_name("published.sqlite3")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, timeout=30, isolation_level="IMMEDIATE")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"the state file {path} cannot be used ({error})", USAGE) from None

    def close(self) -> None:
        """Close the file; everything recorded is in it already."""
        self._db.close()

    def find(self, digest: bytes) -> str | None:
        """Return the id of the dataset that was made of these bytes, or None."""
        row = self._db.execute(
            "select id from published where place = ? and sha3_512 = ?", (self._place, digest)
        ).fetchone()
        return row[0] if row else None

    def record(self, digest: bytes, dataset_id: str) -> None:
        """Remember what was made of these bytes."""
        with self._db:
            self._db.execute("insert or replace into published values (?, ?, ?)", (self._place, digest, dataset_id))
