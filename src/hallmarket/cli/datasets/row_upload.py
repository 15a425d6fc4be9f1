"""Upload of rows in batches that become visible together, with a state file for interrupted appends."""

import itertools
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hallmarket.cli._shared.exit_status import CommandError, command_error
from hallmarket.cli._shared.files import read_fingerprint, state_folder
from hallmarket.cli._shared.output import notify
from hallmarket.cli._shared.progress import transfer_progress
from hallmarket.cli._shared.signals import StopSignal
from hallmarket.cli.datasets.rows import Reader, read_rows
from hallmarket.client import DatasetVersion, Exchange, HallmarketError, Ingested, WriteMode

# The official Python client's limit, which every server accepts; it leaves room for the rest of the body.
MAX_BATCH_BYTES = 5_900_000
# After these statuses the batch may have been written.
OUTCOME_UNKNOWN = frozenset({502, 504})


class PushResult(NamedTuple):
    """The counts of the rows, the dataset's newest version, and the server's last warning."""

    ingested: Ingested
    version: DatasetVersion | None
    warning: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the result for --json."""
        fields: dict[str, Any] = msgspec.to_builtins(self.ingested)
        return fields | {"version": msgspec.to_builtins(self.version), "warning": self.warning}


class RowUpload:
    """Uploads the rows of one file to one dataset."""

    def __init__(
        self, exchange: Exchange, dataset_id: str, path: Path, reader: Reader, mode: WriteMode, *, quiet: bool
    ) -> None:
        self._exchange, self._id, self._path, self._reader = exchange, dataset_id, path, reader
        self._mode, self._quiet = mode, quiet
        self._ingested = Ingested()
        self._warning: dict[str, Any] | None = None
        self._read = read_fingerprint(str(path))
        # Only an append needs state: every other mode can be repeated from the first row with the same result.
        key = f"{exchange.url} {exchange.me().id} {dataset_id} {self._read.digest.hex()}"
        self._state = AppendState(sha256(key.encode()).hexdigest()) if mode == "append" else None

    def run(self, from_row: int | None) -> PushResult:
        """Send every row, or those from a row on; raises CommandError if not all rows could be sent."""
        start = self._start(from_row)
        types = {column.name: column.type for column in self._exchange.datasets.schema(self._id)}
        with (
            StopSignal() as stop,
            transfer_progress(self._path.name, self._read.size_bytes, quiet=self._quiet) as on_bytes,
        ):
            rows = itertools.islice(read_rows(self._reader, self._path, types, on_bytes), start, None)
            sent = start
            for batch, is_last in batches(rows):
                if not batch and not sent and self._mode != "overwrite":
                    break  # an empty table; after rows that were sent, an empty last batch makes them a version
                self._send(batch, sent, is_first=sent == start, is_last=is_last)
                sent += len(batch)
                if stop and not is_last:
                    raise CommandError(f"interrupted; {self._how_to_continue(sent)}", stop.status, "INTERRUPTED")
        if self._state:
            self._state.delete()
        newest = self._exchange.datasets.versions(self._id, limit=1).data
        return PushResult(self._ingested, newest[0] if newest else None, self._warning)

    def _start(self, from_row: int | None) -> int:
        if from_row is not None or self._state is None:
            return (from_row or 1) - 1
        stored = self._state.read()
        if stored.get("sending"):
            first, last = stored["rows"] + 1, stored["rows"] + stored["sending"]
            raise CommandError(
                f"the last run was interrupted while it sent rows {first:,} to {last:,}, which may have arrived: "
                f"pass --from-row {first} to send them, or --from-row {last + 1} to continue after them",
                code="FAILED",
            )
        if stored["rows"]:
            notify(f"{stored['rows']:,} rows were sent before: continuing after them")
        return stored["rows"]

    def _send(self, batch: list[bytes], sent: int, *, is_first: bool, is_last: bool) -> None:
        if self._state:
            self._state.write(rows=sent, sending=len(batch))
        mode: WriteMode = "append" if self._mode == "overwrite" and not is_first else self._mode
        try:
            ingested, warning = self._exchange.datasets.write(self._id, batch, mode, finalize=is_last)
        except HallmarketError as error:
            if error.status in OUTCOME_UNKNOWN:
                raise
            if self._state:
                self._state.write(rows=sent)
            if error.status != 413 or len(batch) < 2:
                raise self._rejected(error, sent) from None
            half = len(batch) // 2
            self._send(batch[:half], sent, is_first=is_first, is_last=False)
            self._send(batch[half:], sent + half, is_first=False, is_last=is_last)
            return
        self._ingested += ingested
        self._warning = warning or self._warning
        if self._state:
            self._state.write(rows=sent + len(batch))

    def _rejected(self, error: HallmarketError, sent: int) -> Exception:
        """Return the error for a rejected batch, which also states how many rows before it were sent."""
        if self._state is None or not sent:
            if self._state:
                self._state.delete()
            return error
        failure = command_error(error)
        # A corrected file has another fingerprint, so without --from-row it would start at its first row.
        message = f"{failure}; the {sent:,} rows before are sent: correct the file, and pass --from-row {sent + 1}"
        return CommandError(message, failure.status, failure.code, failure.details)

    def _how_to_continue(self, sent: int) -> str:
        if self._state:
            return f"{sent:,} rows are sent, and readers do not see them yet: run the same command again to continue"
        return "readers do not see what was sent: run the same command again, which starts from the first row"


class AppendState:
    """The state file of one append: how many rows are sent."""

    def __init__(self, name: str) -> None:
        self._path = state_folder() / "pushes" / f"{name}.json"

    def read(self) -> dict[str, int]:
        """Return `rows`, how many are sent, and `sending`, how many more may have arrived."""
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return {"rows": int(stored["rows"]), "sending": int(stored.get("sending", 0))}
        except FileNotFoundError:
            return {"rows": 0}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CommandError(f"{self._path} is damaged: remove it, and pass --from-row") from None

    def write(self, **fields: int) -> None:
        """Replace the file; it is durable before anything is sent."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new_path = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with new_path.open("w", encoding="utf-8") as file:
            json.dump(fields, file)
            file.flush()
            os.fsync(file.fileno())
        new_path.replace(self._path)

    def delete(self) -> None:
        """Delete the file of a finished append."""
        self._path.unlink(missing_ok=True)


def batches(rows: Iterator[bytes], max_bytes: int = MAX_BATCH_BYTES) -> Iterator[tuple[list[bytes], bool]]:
    """Yield rows in batches of at most `max_bytes`, or of one row, each with whether it is the last."""
    batch: list[bytes] = []
    size_bytes = 0
    for row in rows:
        if batch and size_bytes + len(row) + 1 > max_bytes:
            yield batch, False
            batch, size_bytes = [], 0
        batch.append(row)
        size_bytes += len(row) + 1
    yield batch, True
