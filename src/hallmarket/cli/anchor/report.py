"""What becomes of every file of a run: counted, told to people, or streamed as one JSON document."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hallmarket.cli._shared.exit_status import NO, OK, CommandError
from hallmarket.cli._shared.output import bytes_words, count_words, duration_words, printable, tell, to_json
from hallmarket.cli.anchor.walk import Passed

# Every outcome with its words in the summary, in the summary's order.
OUTCOMES = {
    "fingerprinted": "fingerprinted",
    "anchored": "anchored",
    "already_anchored": "already anchored",
    "registered_elsewhere": "registered before by somebody else",
    "unchanged": "unchanged since an earlier run",
    "skipped": "skipped",
    "failed": "failed",
}


class Report:
    """Counts outcomes and tells them; with `as_json` the document's "files" stream out while the run goes on."""

    def __init__(self, *, as_json: bool, quiet: bool, list_hashes: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.bytes_done = self.bytes_unread = 0
        self.tell: Callable[[str], None] = tell
        self._as_json, self._quiet, self._list_hashes = as_json, quiet, list_hashes
        self._started_s = time.monotonic()
        self._separator = '{"files": [\n'

    @property
    def files_done(self) -> int:
        """How many files have come to an end, whichever."""
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
        """Take note of one file; `reason` is told for those skipped and failed."""
        self.counts[outcome] += 1
        if outcome == "unchanged":
            self.bytes_unread += size_bytes or 0
        else:
            self.bytes_done += size_bytes or 0
        if reason is not None:
            self.tell(f"{printable(path)}: {reason}")
        if self._as_json:
            facts = {
                "path": printable(path),
                "outcome": outcome,
                "hash": digest.hex() if digest else None,
                "size": size_bytes,
                "id": media_id,
                "reason": reason,
            }
            sys.stdout.write(
                self._separator + to_json({name: fact for name, fact in facts.items() if fact is not None})
            )
            self._separator = ",\n"
        elif self._list_hashes and digest and not self._quiet:
            sys.stdout.buffer.write(_hash_line(path, digest))

    def passed(self, passed: Passed) -> None:
        """Take note of a path that is not read."""
        self.file(passed.path, "failed" if passed.failed else "skipped", reason=passed.reason)

    def exit_status(self) -> int:
        """The status the counts call for."""
        return NO if self.counts["failed"] else OK

    def close(self, *, log: dict[str, Any] | None = None, error: CommandError | None = None) -> None:
        """Tell the summary, and where the items now stand in the `log`."""
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
            # Whoever lists hashes wants nothing else on stdout.
            print(self._summary(seconds, log), file=sys.stderr if self._list_hashes else sys.stdout)
        sys.stdout.flush()

    def _summary(self, seconds: float, log: dict[str, Any] | None) -> str:
        told = [f"{self.counts[outcome]:,} {words}" for outcome, words in OUTCOMES.items() if self.counts[outcome]]
        files = count_words(self.files_done, "file")
        lines = [f"{files}: {', '.join(told)}" if told else "no files"]
        if self.bytes_done:
            rate = bytes_words(self.bytes_done / seconds)
            lines.append(f"{bytes_words(self.bytes_done)} in {duration_words(seconds)} ({rate}/s)")
        if log and log["checkpoint"] is not None:
            entries = count_words(log["size"], "entry")
            lines.append(f"anchored by checkpoint {log['checkpoint']:,} of the log {log['origin']}, now {entries}")
        return "\n".join(lines)


def _hash_line(path: str, digest: bytes) -> bytes:
    """Write a line as sha512sum does, whose backslash at the beginning says that the name is escaped."""
    name = os.fsencode(path)
    if any(special in name for special in (b"\\", b"\n", b"\r")):
        name = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        return b"\\" + digest.hex().encode() + b"  " + name + b"\n"
    return digest.hex().encode() + b"  " + name + b"\n"
