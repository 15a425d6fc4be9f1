"""Which files the arguments mean: files, folders with all that is in them, and globs.

Inside a folder a link to a file is read like the file; a link to a folder is not entered, so a walk always ends.
A link given as an argument is followed, whatever it leads to. Hidden files are files.
"""

import errno
import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import Unreadable

_KINDS = (
    (stat.S_ISFIFO, "is a fifo"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISCHR, "is a device"),
)


class FoundFile(NamedTuple):
    """A regular file, as the walk saw it; `name` is what the registry will call it."""

    path: str
    name: str
    size_bytes: int
    mtime_ns: int
    inode: int


class Passed(NamedTuple):
    """A path that will not be read, and why; `failed` when that is worth a failing exit status."""

    path: str
    reason: str
    failed: bool


def walk(arguments: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[FoundFile | Passed]:
    """Yield every file the arguments mean, folders in order of their names, and every path passed over.

    A file's name is its path below the folder that was given, or its own name where the file itself was given.
    `exclude` holds shell patterns, each tried on a file's or folder's name and on its path below the argument.
    """
    patterns = _Patterns(exclude)
    for argument in arguments:
        for path in _expand(argument):
            yield from _argument(path, patterns)


class _Patterns:
    """The --exclude patterns, compiled once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        import re

        cleaned = [pattern.rstrip("/") or pattern for pattern in patterns]
        self._match = re.compile("|".join(fnmatch.translate(pattern) for pattern in cleaned)).match if cleaned else None

    def exclude(self, name: str, relative: str) -> bool:
        return self._match is not None and bool(self._match(name) or self._match(relative))


def _expand(argument: str) -> list[str]:
    """Expand a glob the shell left alone (a quoted one); a path that exists is always itself."""
    if os.path.lexists(argument) or not any(character in argument for character in "*?["):
        return [argument]
    import glob

    return sorted(glob.glob(argument, recursive=True)) or [argument]  # noqa: PTH207 - names need not be UTF-8


def _argument(path: str, patterns: _Patterns) -> Iterator[FoundFile | Passed]:
    name = os.path.basename(path.rstrip("/"))  # noqa: PTH119 - plain text of a path, no object needed
    if patterns.exclude(name, name):
        return
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        yield Passed(path, _missing(path, error), failed=True)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _folder(path.rstrip("/") or "/", "", patterns)
    elif stat.S_ISREG(status.st_mode):
        yield FoundFile(path, name, status.st_size, status.st_mtime_ns, status.st_ino)
    else:
        yield Passed(path, _kind(status.st_mode), failed=True)


def _folder(top: str, below: str, patterns: _Patterns) -> Iterator[FoundFile | Passed]:
    """Walk one folder with a stack instead of recursion: folders may be nested deeper than Python likes to go."""
    stack = [below]
    while stack:
        below = stack.pop()
        folder = f"{top}/{below}" if below else top
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Passed(folder, Unreadable(error.errno or errno.EIO).reason, failed=True)
            continue
        deeper: list[str] = []
        for entry in found:
            relative = f"{below}/{entry.name}" if below else entry.name
            if patterns.exclude(entry.name, relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                deeper.append(relative)
            else:
                yield _entry(entry, relative)
        stack.extend(reversed(deeper))


def _entry(entry: os.DirEntry[str], relative: str) -> FoundFile | Passed:
    path = entry.path.removeprefix("./")
    try:
        status = entry.stat()
    except OSError as error:
        return Passed(path, _missing(path, error), failed=True)
    if stat.S_ISREG(status.st_mode):
        return FoundFile(path, relative, status.st_size, status.st_mtime_ns, status.st_ino)
    if stat.S_ISDIR(status.st_mode):
        return Passed(path, "is a link to a folder, which is not followed", failed=False)
    return Passed(path, _kind(status.st_mode), failed=False)


def _missing(path: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "is a broken link" if os.path.lexists(path) else "there is no such file or folder"
    return Unreadable(error.errno or errno.EIO).reason


def _kind(mode: int) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "is no regular file")
