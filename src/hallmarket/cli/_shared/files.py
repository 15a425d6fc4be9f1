"""Local files: fingerprints, saved proofs, atomic writes."""

import errno
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.fingerprint import BUFFER_BYTES, Fingerprint, fingerprint
from hallmarket.cli._shared.output import printable

MAX_PROOF_BYTES = 16 * 1024 * 1024
MAX_NAME_LENGTH = 1024
MAX_LOCAL_NAME_LENGTH = 100


def read_fingerprint(path: str) -> Fingerprint:
    """Fingerprint one file; raises CommandError if it cannot be read."""
    result = fingerprint(path, memoryview(bytearray(BUFFER_BYTES)))
    if isinstance(result, Fingerprint):
        return result
    reason = "there is no such file" if result.code == errno.ENOENT else result.reason
    raise CommandError("it is a folder" if Path(path).is_dir() else reason, code="UNREADABLE")


def read_digest(path: Path) -> tuple[str, int]:
    """Return a file's SHA3-512 in hexadecimal and its size in bytes; raises CommandError if it cannot be read."""
    read = read_fingerprint(str(path))
    return read.digest.hex(), read.size_bytes


def read_proof(path: str) -> bytes:
    """Read a saved proof; raises CommandError if the file is too large to be one."""
    with Path(path).open("rb") as file:
        data = file.read(MAX_PROOF_BYTES + 1)
    if len(data) > MAX_PROOF_BYTES:
        raise CommandError(f"{path} is too large to be a proof bundle", code="NOT_PROVED")
    return data


def write_atomically(output: str, chunks: Iterable[bytes]) -> None:
    """Write a file so that it is complete and durable or unchanged; `-` writes to stdout."""
    if output == "-":
        sys.stdout.buffer.writelines(chunks)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    new_path = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new_path.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        new_path.replace(path)
    except OSError as error:
        # The error names the temporary file, which the user has never heard of.
        raise CommandError(f"{printable(output)}: {(error.strerror or str(error)).lower()}") from None
    finally:
        new_path.unlink(missing_ok=True)


def registry_name(name: str) -> str:
    """Return a file's name as the registry accepts it: invalid UTF-8 replaced, at most 1,024 characters."""
    text = os.fsencode(name).decode("utf-8", "replace")
    # The end of a long path says more than its beginning.
    return text if len(text) <= MAX_NAME_LENGTH else "…" + text[1 - MAX_NAME_LENGTH :]


def local_name(name: str) -> str:
    """Return an asset's name as the name of a local file: without folders, not hidden, at most 100 characters."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:MAX_LOCAL_NAME_LENGTH] or "asset"


def state_folder() -> Path:
    """Return the folder of state files: hallmarket in the XDG state folder."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "hallmarket"
