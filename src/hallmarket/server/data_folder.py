"""The data folder: private to its owner, and locked by one program at a time."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from hallmarket.server.errors import Refusal

LOCK_FILE = "lock"
ACQUIRE_TIMEOUT_S = 15.0


def create_data_folder(data: Path) -> None:
    """Create the data folder and its subfolders, accessible only to their owner. Raises Refusal if that fails."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch_folder(data).mkdir(mode=0o700, exist_ok=True)
        (data / "blobs").mkdir(mode=0o700, exist_ok=True)
        (data / "tables").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"The data folder {data} cannot be created: {error.strerror}. Choose another one with --data."
        ) from None


def scratch_folder(data: Path) -> Path:
    """Return the folder for temporary files, such as large request bodies."""
    return data / "scratch"


class DataFolderLock:
    """Exclusive lock on a data folder, which gives the right to run PostgreSQL in it.

    The kernel releases the lock when its holder ends, even after kill -9.
    """

    def __init__(self, data: Path, role: str) -> None:
        self._path = data / LOCK_FILE
        self._role = role
        self._file = -1

    def try_acquire(self) -> bool:
        """Take the lock if it is free. Returns False if another program holds it."""
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
        """Return the role and process id of the lock's holder, such as `server 4711`, for messages."""
        try:
            return self._path.read_text() or "another program"
        except OSError:
            return "another program"

    def acquire(self, timeout_s: float = ACQUIRE_TIMEOUT_S) -> None:
        """Take the lock. Waits for an admin command to finish; raises Refusal immediately if a server holds it."""
        deadline = time.monotonic() + timeout_s
        while not self.try_acquire():
            holder = self.holder()
            if not holder.startswith("admin") or time.monotonic() > deadline:
                raise Refusal(
                    f"The data folder {self._path.parent} is in use by {holder}. "
                    "Stop that server first, or choose another folder with --data."
                )
            time.sleep(0.05)

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "DataFolderLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
