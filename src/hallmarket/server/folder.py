"""The data folder: made private, and held by one program at a time."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from hallmarket.server.errors import Refusal

LOCK_FILE = "lock"


def make_data_folder(data: Path) -> None:
    """Make the folder, and in it those for uploads and scratch, for its owner alone. Raises Refusal if it cannot."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch_folder(data).mkdir(mode=0o700, exist_ok=True)
        (data / "blobs").mkdir(mode=0o700, exist_ok=True)
        (data / "tables").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refusal(f"The data folder {data} cannot be made: {error.strerror}. Choose another with --data.") from None


def scratch_folder(data: Path) -> Path:
    """Where large requests are kept while they are worked on."""
    return data / "scratch"


class FolderLock:
    """The right to run PostgreSQL in a data folder; the kernel gives it back however its holder ends."""

    def __init__(self, data: Path, role: str) -> None:
        self._path = data / LOCK_FILE
        self._role = role
        self._file = -1

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.write(file, f"{self._role} {os.getpid()}".encode())
        self._file = file
        return True

    def holder(self) -> str:
        """Who holds the lock, such as `server 4711`; for a message."""
        try:
            return self._path.read_text() or "another program"
        except OSError:
            return "another program"

    def acquire(self, timeout_s: float = 15.0) -> None:
        """Take the lock, waiting for an administrator's command to end, but not for another server. Raises Refusal."""
        deadline = time.monotonic() + timeout_s
        while not self.try_acquire():
            holder = self.holder()
            if not holder.startswith("admin") or time.monotonic() > deadline:
                raise Refusal(
                    f"The data folder {self._path.parent} is in use by {holder}. "
                    "Stop that server first, or give this one another folder with --data."
                )
            time.sleep(0.05)

    def release(self) -> None:
        """Give the lock back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
