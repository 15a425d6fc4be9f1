"""The files that the arguments name: files, folders with everything in them, and globs.

Inside a folder a link to a file is read like the file, and a link to a folder is not followed, so every walk ends. A
link given as an argument is followed. Hidden files are included.
"""

import errno
import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import Unreadable

_SPECIAL_FILES = (
    (stat.S_ISFIFO, "is a fifo"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISCHR, "is a device"),
)


class FoundFile(NamedTuple):
    """A regular file at the time of the walk; `name` is its name in the registry."""

    path: str
    name: str
    size_bytes: int
    mtime_ns: int
    inode: int


class SkippedPath(NamedTuple):
    """A path that is not read, and why; `failed` if it makes the exit status 1."""

    path: str
    reason: str
    failed: bool


def walk(arguments: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[FoundFile | SkippedPath]:
    """Yield every file that the arguments name, each folder sorted by name, and every path that is skipped.

    A file's name is its path below the folder given as argument, or its own name if the file itself was given.
    `exclude` holds glob patterns, matched against a file's or folder's name and its path below the argument.
    """
    patterns = _Patterns(exclude)
    for argument in arguments:
        for path in _expand(argument):
            yield from _walk_argument(path, patterns)


class _Patterns:
    """The --exclude patterns, compiled once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        import re

        stripped = [pattern.rstrip("/") or pattern for pattern in patterns]
        expression = "|".join(fnmatch.translate(pattern) for pattern in stripped)
        self._match = re.compile(expression).match if stripped else None

    def exclude(self, name: str, relative: str) -> bool:
        return self._match is not None and bool(self._match(name) or self._match(relative))


def _expand(argument: str) -> list[str]:
    """Expand a quoted glob, which the shell has not expanded; an existing path is returned as it is."""
    if os.path.lexists(argument) or not any(character in argument for character in "*?["):
        return [argument]
    import glob

    return sorted(glob.glob(argument, recursive=True)) or [argument]  # noqa: PTH207 - names need not be UTF-8


def _walk_argument(path: str, patterns: _Patterns) -> Iterator[FoundFile | SkippedPath]:
    name = os.path.basename(path.rstrip("/"))  # noqa: PTH119 - faster than a Path
    if patterns.exclude(name, name):
        return
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        yield SkippedPath(path, _missing_reason(path, error), failed=True)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _walk_folder(path.rstrip("/") or "/", "", patterns)
    elif stat.S_ISREG(status.st_mode):
        yield FoundFile(path, name, status.st_size, status.st_mtime_ns, status.st_ino)
    else:
        yield SkippedPath(path, _special_reason(status.st_mode), failed=True)


def _walk_folder(top: str, below: str, patterns: _Patterns) -> Iterator[FoundFile | SkippedPath]:
    """Walk one folder with a stack, because folders may be nested deeper than Python's recursion limit."""
    stack = [below]
    while stack:
        below = stack.pop()
        folder = f"{top}/{below}" if below else top
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield SkippedPath(folder, Unreadable(error.errno or errno.EIO).reason, failed=True)
            continue
        subfolders: list[str] = []
        for entry in found:
            relative = f"{below}/{entry.name}" if below else entry.name
            if patterns.exclude(entry.name, relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(relative)
            else:
                yield _check_entry(entry, relative)
        stack.extend(reversed(subfolders))


def _check_entry(entry: os.DirEntry[str], relative: str) -> FoundFile | SkippedPath:
    path = entry.path.removeprefix("./")
    try:
        status = entry.stat()
    except OSError as error:
        return SkippedPath(path, _missing_reason(path, error), failed=True)
    if stat.S_ISREG(status.st_mode):
        return FoundFile(path, relative, status.st_size, status.st_mtime_ns, status.st_ino)
    if stat.S_ISDIR(status.st_mode):
        return SkippedPath(path, "is a link to a folder, which is not followed", failed=False)
    return SkippedPath(path, _special_reason(status.st_mode), failed=False)


def _missing_reason(path: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "is a broken link" if os.path.lexists(path) else "there is no such file or folder"
    return Unreadable(error.errno or errno.EIO).reason


def _special_reason(mode: int) -> str:
    return next((reason for is_kind, reason in _SPECIAL_FILES if is_kind(mode)), "is not a regular file")
