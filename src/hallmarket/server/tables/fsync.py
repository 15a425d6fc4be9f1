"""Makes files and folders durable: flushes them to disk."""

import os
from pathlib import Path


def flush_file(path: Path) -> None:
    """Flush the content of a file, or the entries of a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folders(folder: Path, top: Path) -> None:
    """Flush the entries of a folder and of the folders above it, up to and including `top`."""
    for path in (folder, *folder.parents):
        flush_file(path)
        if path == top:
            return
