"""Sending rows: in batches that no reader sees before the last, with a note of how far an append has come."""

import itertools
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hallmarket.cli._shared.exit_status import CommandError, command_error
from hallmarket.cli._shared.files import read_fingerprint
from hallmarket.cli._shared.output import tell
from hallmarket.cli._shared.progress import transfer
from hallmarket.cli._shared.signals import Stop
from hallmarket.cli.anchor.state import default_path
from hallmarket.cli.datasets.rows import read_rows
from hallmarket.client.datasets import Ingested, Mode, Version
from hallmarket.client.errors import HallmarketError
from hallmarket.client.exchange import Exchange

# As the official client has it: what a server takes in any case, with room for the rest of the body.
BATCH_BYTES = 5_900_000
# After these answers nobody knows whether a batch was taken.
UNSURE = frozenset({502, 504})


class Pushed(NamedTuple):
    """What became of the rows, and the version they made."""

    ingested: Ingested
    version: Version | None
    warning: dict[str, Any] | None

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        facts: dict[str, Any] = msgspec.to_builtins(self.ingested)
        return facts | {"version": msgspec.to_builtins(self.version), "warning": self.warning}


class Push:
    """One run of `push`."""

    def __init__(self, exchange: Exchange, dataset_id: str, path: Path, mode: Mode, *, quiet: bool) -> None:
        self._exchange, self._id, self._path, self._mode, self._quiet = exchange, dataset_id, path, mode, quiet
        self._ingested = Ingested()
        self._warning: dict[str, Any] | None = None
        self._read = read_fingerprint(str(path))
        # Of an append alone: all else done twice is as done once.
        told = f"{exchange.url} {exchange.me().id} {dataset_id} {self._read.digest.hex()}"
        self._note = Note(sha256(told.encode()).hexdigest()) if mode == "append" else None

    def run(self, from_row: int | None) -> Pushed:
        """Send every row, or those from a row on; raises CommandError where only part of them could be sent."""
        start = self._start(from_row)
        types = {column.name: column.type for column in self._exchange.datasets.schema(self._id)}
        with Stop() as stop, transfer(self._path.name, self._read.size_bytes, quiet=self._quiet) as on_bytes:
            rows = itertools.islice(read_rows(self._path, types, on_bytes), start, None)
            done = start
            for batch, last in batches(rows):
                if not batch and not done and self._mode != "overwrite":
                    break  # an empty table; behind rows that were sent, the last request makes them a version
                self._send(batch, done, first=done == start, last=last)
                done += len(batch)
                if stop and not last:
                    raise CommandError(f"interrupted; {self._how_to_go_on(done)}", stop.status, "INTERRUPTED")
        if self._note:
            self._note.forget()
        newest = self._exchange.datasets.versions(self._id, limit=1).data
        return Pushed(self._ingested, newest[0] if newest else None, self._warning)

    def _start(self, from_row: int | None) -> int:
        if from_row is not None or self._note is None:
            return (from_row or 1) - 1
        noted = self._note.read()
        if noted.get("sending"):
            first, last = noted["rows"] + 1, noted["rows"] + noted["sending"]
            raise CommandError(
                f"the last run broke off while it sent rows {first:,} to {last:,}, and nobody knows whether they "
                f"arrived: say --from-row {first} to send them, or --from-row {last + 1} to go on behind them",
                code="FAILED",
            )
        if noted["rows"]:
            tell(f"{noted['rows']:,} rows were sent before: going on behind them")
        return noted["rows"]

    def _send(self, batch: list[bytes], done: int, *, first: bool, last: bool) -> None:
        if self._note:
            self._note.write(rows=done, sending=len(batch))
        mode: Mode = "append" if self._mode == "overwrite" and not first else self._mode
        try:
            ingested, warning = self._exchange.datasets.write(self._id, batch, mode, finalize=last)
        except HallmarketError as error:
            if error.status in UNSURE:
                raise
            if self._note:
                self._note.write(rows=done)
            if error.status != 413 or len(batch) < 2:
                raise self._refused(error, done) from None
            half = len(batch) // 2
            self._send(batch[:half], done, first=first, last=False)
            self._send(batch[half:], done + half, first=False, last=last)
            return
        self._ingested += ingested
        self._warning = warning or self._warning
        if self._note:
            self._note.write(rows=done + len(batch))

    def _refused(self, error: HallmarketError, done: int) -> Exception:
        """A refusal of a batch, with what became of those before it."""
        if self._note is None or not done:
            if self._note:
                self._note.forget()
            return error
        told = command_error(error)
        # A corrected file is another file, which would begin with its first row.
        words = f"{told}; the {done:,} rows before are sent: correct the file, and say --from-row {done + 1}"
        return CommandError(words, told.status, told.code, told.details)

    def _how_to_go_on(self, done: int) -> str:
        if self._note:
            return f"{done:,} rows are sent and no reader sees them yet: run the same command again to go on"
        return "no reader sees what was sent: run the same command again, which begins afresh"


class Note:
    """How far an append has come, in a file of its own that is replaced as a whole."""

    def __init__(self, name: str) -> None:
        self._path = default_path().with_name("pushes") / f"{name}.json"

    def read(self) -> dict[str, int]:
        """Return `rows` sent, and `sending`, of which nobody knows."""
        try:
            noted = json.loads(self._path.read_text("utf-8"))
            return {"rows": int(noted["rows"]), "sending": int(noted.get("sending", 0))}
        except FileNotFoundError:
            return {"rows": 0}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CommandError(f"{self._path} is damaged: remove it, and say --from-row") from None

    def write(self, **noted: int) -> None:
        """Replace the note; it is durable before anything is sent."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(noted, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def forget(self) -> None:
        """Forget a push that is done."""
        self._path.unlink(missing_ok=True)


def batches(rows: Iterator[bytes], max_bytes: int = BATCH_BYTES) -> Iterator[tuple[list[bytes], bool]]:
    """Yield rows in batches of at most so many bytes, or of one row, each with whether it is the last."""
    batch: list[bytes] = []
    size_bytes = 0
    for row in rows:
        if batch and size_bytes + len(row) + 1 > max_bytes:
            yield batch, False
            batch, size_bytes = [], 0
        batch.append(row)
        size_bytes += len(row) + 1
    yield batch, True
