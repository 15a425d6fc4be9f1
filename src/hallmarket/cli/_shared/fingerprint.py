"""Reading one file into its fingerprint: what runs inside every worker process.

Everything here is standard library and light, because it stands on the path of `anchor --dry-run`.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

BUFFER_BYTES = 256 * 1024

# O_NONBLOCK: a file that was swapped for a fifo after the walk must not hold a worker for ever.
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# Beside the errno values, which are positive.
CHANGED = -1
NOT_A_FILE = -2
WORKER_DIED = -3

_WORDS = {
    CHANGED: "changed while it was being read",
    NOT_A_FILE: "is no regular file any more",
    WORKER_DIED: "the process reading it died",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "vanished before it could be read",
    errno.EISDIR: "is a folder",
    errno.ENXIO: "is a socket, fifo or device",
    errno.ELOOP: "too many symbolic links",
    errno.EIO: "the disk could not read it (input/output error)",
}


class Fingerprint(NamedTuple):
    """What a file was while it was read: SHA3-512 and the three facts by which a change shows."""

    digest: bytes
    size_bytes: int
    mtime_ns: int
    inode: int


class Unreadable(NamedTuple):
    """Why a file has no fingerprint: an errno, or one of the negative codes of this module."""

    code: int

    @property
    def reason(self) -> str:
        """The reason in words, for people."""
        return _WORDS.get(self.code) or os.strerror(self.code).lower()


def fingerprint(
    path: bytes | str, buffer: memoryview, on_bytes: Callable[[int], None] | None = None
) -> Fingerprint | Unreadable:
    """Read one file through `buffer` and return its SHA3-512, or why there is none.

    `on_bytes` hears the number of bytes of every read. A file whose size or time of change moved meanwhile is
    Unreadable: its fingerprint would belong to no version that ever stood on disk.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        return Unreadable(error.errno or errno.EIO)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return Unreadable(NOT_A_FILE)
        hasher = hashlib.sha3_512()
        total, room, parts = 0, len(buffer), (buffer,)
        while count := os.readv(descriptor, parts):
            hasher.update(buffer if count == room else buffer[:count])
            total += count
            if on_bytes:
                on_bytes(count)
        after = os.fstat(descriptor)
    except OSError as error:
        return Unreadable(error.errno or errno.EIO)
    finally:
        os.close(descriptor)
    if total != before.st_size or after.st_size != total or after.st_mtime_ns != before.st_mtime_ns:
        return Unreadable(CHANGED)
    return Fingerprint(hasher.digest(), total, after.st_mtime_ns, after.st_ino)
