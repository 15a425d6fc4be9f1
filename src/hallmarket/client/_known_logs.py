"""Known logs: each server's log key, when it was first seen, and the last verified checkpoint.

A key is trusted on first use. Afterwards a server is refused if it shows another key, or a log whose beginning is not
the remembered checkpoint. A user who has the operator's key from elsewhere can pin it instead.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from hallmarket.client._errors import LogRefused
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey

VERSION = 1


class Trust(StrEnum):
    """Why a log's key is trusted."""

    FIRST_USE = "first use"
    REMEMBERED = "remembered"
    PINNED = "pinned"


class KnownLog(msgspec.Struct, frozen=True):
    """A log as it was last seen; `checkpoint` is the signed note, `first_seen` an ISO 8601 time in UTC."""

    origin: str
    server: str
    key: str
    first_seen: str
    checkpoint: str | None = None

    def verifier_key(self) -> VerifierKey:
        """Return the remembered key; raises ProofError if it is malformed."""
        return VerifierKey.parse(self.key)

    def find_checkpoint(self) -> Checkpoint | None:
        """Return the remembered checkpoint after verifying its signature, or None; raises ProofError."""
        return None if self.checkpoint is None else open_checkpoint(self.checkpoint, self.verifier_key())


class _File(msgspec.Struct, frozen=True):
    v: int
    logs: list[KnownLog]


def default_path() -> Path:
    """Return HALLMARKET_KNOWN_LOGS, else hallmarket/known_logs.json in the XDG config folder."""
    if path := os.environ.get("HALLMARKET_KNOWN_LOGS"):
        return Path(path)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hallmarket" / "known_logs.json"


class KnownLogs:
    """The file of known logs, mode 0600, replaced atomically; safe for several processes at the same time."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def read(self) -> list[KnownLog]:
        """Return every known log; raises LogRefused if the file is damaged, as an empty list would trust any log."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            file = msgspec.json.decode(data, type=_File)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise LogRefused(f"{self.path} is damaged ({error}): repair it, or move it away to start again") from None
        if file.v != VERSION:
            raise LogRefused(f"{self.path} has version {file.v}; this command reads version {VERSION}")
        return file.logs

    def find(self, server: str) -> KnownLog | None:
        """Return the log that a server showed last time, or None."""
        return next((log for log in self.read() if log.server == server), None)

    def find_by_origin(self, origin: str) -> list[KnownLog]:
        """Return the logs with this origin, one per server."""
        return [log for log in self.read() if log.origin == origin]

    def remember(self, server: str, key: VerifierKey, checkpoint: str) -> None:
        """Store a verified checkpoint of a server's log, unless a larger one of the same key is stored already."""
        with self._locked():
            logs = self.read()
            old = next((log for log in logs if log.server == server), None)
            new = KnownLog(key.name, server, str(key), datetime.now(UTC).isoformat(timespec="seconds"), checkpoint)
            if old and old.key == new.key:
                if _size(old) > _size(new):
                    return
                new = msgspec.structs.replace(new, first_seen=old.first_seen)
            self._write([log for log in logs if log.server != server] + [new])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A separate lock file: a lock on the file that is replaced would not hold.
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, logs: list[KnownLog]) -> None:
        data = msgspec.json.format(msgspec.json.encode(_File(VERSION, logs)), indent=2)
        new_path = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new_path.replace(self.path)


def _size(log: KnownLog) -> int:
    try:
        checkpoint = log.find_checkpoint()
    except ProofError:
        return 0
    return checkpoint.size if checkpoint else 0
