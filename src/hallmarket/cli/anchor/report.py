"""The outcome of every file of a run: counted, and printed for people or streamed as one JSON document."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hallmarket.cli._shared.exit_status import FAILED, OK, CommandError
from hallmarket.cli._shared.output import format_bytes, format_count, format_duration, notify, printable, to_json
from hallmarket.cli.anchor.walk import SkippedPath

# Every outcome with its description, in the order of the summary.
OUTCOMES = {
    "fingerprinted": "fingerprinted",
    "anchored": "anchored",
    "already_anchored": "already anchored",
    "registered_elsewhere": "registered before by another organization",
    "unchanged": "unchanged since an earlier run",
    "skipped": "skipped",
    "failed": "failed",
}


class Report:
    """Counts and prints outcomes; with `as_json` the document's "files" are streamed during the run."""

    def __init__(self, *, as_json: bool, quiet: bool, list_hashes: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.bytes_done = self.bytes_unchanged = 0
        self.notify: Callable[[str], None] = notify
        self._as_json, self._quiet, self._list_hashes = as_json, quiet, list_hashes
        self._started_s = time.monotonic()
        self._separator = '{"files": [\n'

    @property
    def files_done(self) -> int:
        """The number of files with an outcome."""
        return sum(self.counts.values())

    def file(
        self,
        path: str,
        outcome: str,
        *,
        digest: bytes | None = None,
        size_bytes: int | None = None,
        media_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Record one file's outcome; `reason` is for skipped and failed files."""
        self.counts[outcome] += 1
        if outcome == "unchanged":
            self.bytes_unchanged += size_bytes or 0
        else:
            self.bytes_done += size_bytes or 0
        if reason is not None:
            self.notify(f"{printable(path)}: {reason}")
        if self._as_json:
            fields = {
                "path": printable(path),
                "outcome": outcome,
                "hash": digest.hex() if digest else None,
                "size": size_bytes,
                "id": media_id,
                "reason": reason,
            }
            present = {name: value for name, value in fields.items() if value is not None}
            sys.stdout.write(self._separator + to_json(present))
            self._separator = ",\n"
        elif self._list_hashes and digest and not self._quiet:
            sys.stdout.buffer.write(_hash_line(path, digest))

    def skipped(self, skipped: SkippedPath) -> None:
        """Record a path that is not read."""
        self.file(skipped.path, "failed" if skipped.failed else "skipped", reason=skipped.reason)

    def exit_status(self) -> int:
        """Return FAILED if any file failed, else OK."""
        return FAILED if self.counts["failed"] else OK

    def close(self, *, log: dict[str, Any] | None = None, error: CommandError | None = None) -> None:
        """Print the summary; `log` is the position of the items in the log, if they are in it."""
        seconds = time.monotonic() - self._started_s
        if self._as_json:
            summary: dict[str, Any] = {outcome: self.counts[outcome] for outcome in OUTCOMES}
            summary |= {"bytes": self.bytes_done, "seconds": round(seconds, 3), "log": log}
            summary["exit_status"] = error.status if error else self.exit_status()
            if error:
                summary["error"] = error.as_json()
            opening = self._separator if self._separator.startswith("{") else "\n"
            sys.stdout.write(f"{opening}], {to_json(summary)[1:]}\n")
        elif not self._quiet and not error:
            # With a list of hashes stdout holds nothing else.
            print(self._summary(seconds, log), file=sys.stderr if self._list_hashes else sys.stdout)
        sys.stdout.flush()

    def _summary(self, seconds: float, log: dict[str, Any] | None) -> str:
        counts = [f"{self.counts[outcome]:,} {text}" for outcome, text in OUTCOMES.items() if self.counts[outcome]]
        files = format_count(self.files_done, "file")
        lines = [f"{files}: {', '.join(counts)}" if counts else "no files"]
        if self.bytes_done:
            rate = format_bytes(self.bytes_done / seconds)
            lines.append(f"{format_bytes(self.bytes_done)} in {format_duration(seconds)} ({rate}/s)")
        if log and log["checkpoint"] is not None:
            entries = format_count(log["size"], "entry")
            lines.append(f"anchored by checkpoint {log['checkpoint']:,} of the log {log['origin']}, now {entries}")
        return "\n".join(lines)


def _hash_line(path: str, digest: bytes) -> bytes:
    """Return a line in the format of sha512sum, where a leading backslash marks an escaped name."""
    name = os.fsencode(path)
    if any(special in name for special in (b"\\", b"\n", b"\r")):
        name = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        return b"\\" + digest.hex().encode() + b"  " + name + b"\n"
    return digest.hex().encode() + b"  " + name + b"\n"
