"""The SHA3-512 fingerprint of one file.

Uses only light modules of the standard library, because `anchor --dry-run` must start quickly.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

BUFFER_BYTES = 256 * 1024

# O_NONBLOCK: opening a fifo that replaced the file after the walk must not block.
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# Negative, so that they differ from every errno.
CHANGED = -1
NOT_A_FILE = -2
WORKER_DIED = -3

_REASONS = {
    CHANGED: "changed while it was being read",
    NOT_A_FILE: "is no longer a regular file",
    WORKER_DIED: "the process reading it died",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "was deleted before it could be read",
    errno.EISDIR: "is a folder",
    errno.ENXIO: "is a socket, fifo or device",
    errno.ELOOP: "too many symbolic links",
    errno.EIO: "the disk could not read it (input/output error)",
}


class Fingerprint(NamedTuple):
    """A file's SHA3-512, and the size, modification time and inode by which a change is noticed."""

    digest: bytes
    size_bytes: int
    mtime_ns: int
    inode: int


class Unreadable(NamedTuple):
    """Why a file has no fingerprint: an errno, or one of the negative codes of this module."""

    code: int

    @property
    def reason(self) -> str:
        """The reason in words."""
        return _REASONS.get(self.code) or os.strerror(self.code).lower()


def fingerprint(
    path: bytes | str, buffer: memoryview, on_bytes: Callable[[int], None] | None = None
) -> Fingerprint | Unreadable:
    """Read one file through `buffer` and return its SHA3-512, or why there is none.

    `on_bytes` is called with the number of bytes of each read. A file whose size or modification time changed meanwhile
    is Unreadable: the hash would be that of no version that ever existed on disk.
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
        total, capacity, buffers = 0, len(buffer), (buffer,)
        while count := os.readv(descriptor, buffers):
            hasher.update(buffer if count == capacity else buffer[:count])
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
