"""Local files that a verb reads from end to end, what is fingerprinted and what proves it, or writes whole."""

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.fingerprint import BUFFER_BYTES, Fingerprint, fingerprint
from hallmarket.cli._shared.output import printable

MAX_PROOF_BYTES = 16 * 1024 * 1024


def read_fingerprint(path: str) -> Fingerprint:
    """Fingerprint one file; raises CommandError where it cannot be read."""
    result = fingerprint(path, memoryview(bytearray(BUFFER_BYTES)))
    if isinstance(result, Fingerprint):
        return result
    reason = "there is no such file" if result.code == errno.ENOENT else result.reason
    raise CommandError("it is a folder" if Path(path).is_dir() else reason, code="UNREADABLE")


def read_proof(path: str) -> bytes:
    """Read a saved proof; raises CommandError for what is too large to be one."""
    with Path(path).open("rb") as file:
        data = file.read(MAX_PROOF_BYTES + 1)
    if len(data) > MAX_PROOF_BYTES:
        raise CommandError(f"{path} is too large to be a proof bundle", code="NOT_PROVED")
    return data


def write_whole(output: str, pieces: Iterable[bytes]) -> None:
    """Write to a file, or to stdout for `-`. The file is there whole and durable, or as it was before."""
    if output == "-":
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        # The name of the file beside it would say nothing to whoever named this one.
        raise CommandError(f"{printable(output)}: {(error.strerror or str(error)).lower()}") from None
    finally:
        fresh.unlink(missing_ok=True)
