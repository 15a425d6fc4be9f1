"""Downloads whose fingerprint is known before: gone on with where they broke off, and whole and right or not there."""

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx

from hallmarket.client.errors import HallmarketError, ServerUnreachable
from hallmarket.client.transport import Transport, is_passing
from hallmarket.proof.errors import ProofError

PIECE_BYTES = 256 * 1024

OnBytes = Callable[[int], None]
# Opens the answer to a request with these headers, before its body is read; raises HallmarketError for a refusal.
Open = Callable[[dict[str, str]], AbstractContextManager[httpx.Response]]


def download(
    transport: Transport, open_answer: Open, target: Path, size_bytes: int, sha3_512: str, on_bytes: OnBytes
) -> None:
    """Download to `target`, which is there whole and with this fingerprint when this returns, or not at all.

    What an earlier, broken download left beside it is gone on with. Raises ProofError for other bytes than promised,
    and OSError.
    """
    place = target.with_name(f".{target.name}.{sha3_512[:16]}.part")
    with closing(_Part(place, on_bytes)) as part:
        patience, before = transport.patience(), part.size_bytes
        while part.size_bytes < size_bytes:
            passing: ServerUnreachable | HallmarketError
            passing = ServerUnreachable(transport.base_url, "its answer ended early")
            try:
                part.go_on(open_answer)
            except ServerUnreachable as error:
                passing = error
            except HallmarketError as error:
                if not is_passing(error):
                    raise
                passing = error
            if part.size_bytes > before:
                patience, before = transport.patience(), part.size_bytes
            if part.size_bytes < size_bytes:
                patience.wait(passing)
        right = part.size_bytes == size_bytes and part.hasher.hexdigest() == sha3_512
    if not right:
        place.unlink()
        raise ProofError(f"The server sent other bytes for {target.name} than the manifest says.")
    place.replace(target)


class _Part:
    """The beginning of a download on disk, and its fingerprint so far."""

    def __init__(self, place: Path, on_bytes: OnBytes) -> None:
        self.hasher, self.size_bytes = hashlib.sha3_512(), 0
        self._on_bytes = on_bytes
        self._file = place.open("a+b")
        self._file.seek(0)
        for piece in iter(lambda: self._file.read(PIECE_BYTES), b""):
            self._count(piece)

    def close(self) -> None:
        """Make what is there durable."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def go_on(self, open_answer: Open) -> None:
        """Ask for the rest, and take what comes of it."""
        # Of packed bytes no part could be asked for.
        headers = {"accept-encoding": "identity"}
        with open_answer(headers | {"range": f"bytes={self.size_bytes}-"} if self.size_bytes else headers) as answer:
            if self.size_bytes and answer.status_code == 200:  # it sends everything again
                self._on_bytes(-self.size_bytes)
                self._file.truncate(0)
                self.hasher, self.size_bytes = hashlib.sha3_512(), 0
            for piece in answer.iter_bytes():
                self._file.write(piece)
                self._count(piece)

    def _count(self, piece: bytes) -> None:
        self.hasher.update(piece)
        self.size_bytes += len(piece)
        self._on_bytes(len(piece))
