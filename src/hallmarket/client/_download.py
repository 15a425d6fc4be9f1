"""Resumable downloads of files whose size and SHA3-512 are known in advance."""

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx

from hallmarket.client._callbacks import OnBytes
from hallmarket.client._errors import HallmarketError, ServerUnreachable
from hallmarket.client._transport import Transport, is_transient
from hallmarket.proof.errors import ProofError

CHUNK_BYTES = 256 * 1024

# Sends a request with these headers and opens its response before the body; raises HallmarketError.
OpenResponse = Callable[[dict[str, str]], AbstractContextManager[httpx.Response]]


def download(
    transport: Transport,
    open_response: OpenResponse,
    target: Path,
    size_bytes: int,
    sha3_512: str,
    on_bytes: OnBytes | None = None,
) -> None:
    """Download to `target`, which is replaced only by a complete file with this size and fingerprint.

    A partial download in the same folder is resumed. Raises ProofError if the server sends other bytes, and OSError.
    """
    part_path = target.with_name(f".{target.name}.{sha3_512[:16]}.part")
    with closing(_Part(part_path, on_bytes)) as part:
        budget, before_bytes = transport.retry_budget(), part.size_bytes
        while part.size_bytes < size_bytes:
            failure: ServerUnreachable | HallmarketError
            failure = ServerUnreachable(transport.base_url, "its response ended early")
            try:
                part.resume(open_response)
            except ServerUnreachable as error:
                failure = error
            except HallmarketError as error:
                if not is_transient(error):
                    raise
                failure = error
            if part.size_bytes > before_bytes:
                budget, before_bytes = transport.retry_budget(), part.size_bytes
            if part.size_bytes < size_bytes:
                budget.wait(failure)
        is_expected = part.size_bytes == size_bytes and part.hasher.hexdigest() == sha3_512
    if not is_expected:
        part_path.unlink()
        raise ProofError(f"The server sent other bytes for {target.name} than its SHA3-512 and size promise.")
    part_path.replace(target)


class _Part:
    """A partial download on disk, and its hash so far."""

    def __init__(self, path: Path, on_bytes: OnBytes | None) -> None:
        self.hasher, self.size_bytes = hashlib.sha3_512(), 0
        self._on_bytes = on_bytes
        self._file = path.open("a+b")
        self._file.seek(0)
        for chunk in iter(lambda: self._file.read(CHUNK_BYTES), b""):
            self._add(chunk)

    def close(self) -> None:
        """Make the bytes durable and close the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def resume(self, open_response: OpenResponse) -> None:
        """Request the remaining bytes and append what arrives."""
        # A range of a compressed response would not be a range of the file.
        headers = {"accept-encoding": "identity"}
        if self.size_bytes:
            headers["range"] = f"bytes={self.size_bytes}-"
        with open_response(headers) as response:
            if self.size_bytes and response.status_code == 200:  # the server ignored the range and starts again
                self._restart()
            for chunk in response.iter_bytes():
                self._file.write(chunk)
                self._add(chunk)

    def _restart(self) -> None:
        if self._on_bytes:
            self._on_bytes(-self.size_bytes)
        self._file.truncate(0)
        self.hasher, self.size_bytes = hashlib.sha3_512(), 0

    def _add(self, chunk: bytes) -> None:
        self.hasher.update(chunk)
        self.size_bytes += len(chunk)
        if self._on_bytes:
            self._on_bytes(len(chunk))
