"""Files: bytes sent to an address of their own, whatever their size, and made an asset once they are there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from hallmarket.client.errors import FileChanged, HallmarketError, ServerUnreachable
from hallmarket.client.exchange_types import Asset, Data
from hallmarket.client.session import Session
from hallmarket.client.transport import CONNECT_TIMEOUT_S, read_error

PIECE_BYTES = 256 * 1024
# What the server needs to make 5 GiB durable after the last byte has come.
UPLOAD_TIMEOUT_S = 600.0

OnBytes = Callable[[int], None]


class UploadUrl(msgspec.Struct, frozen=True):
    """Where bytes may be sent, and how."""

    upload_id: str
    upload_url: str
    method: str = "PUT"
    headers: dict[str, str] = {}


class Upload(msgspec.Struct, frozen=True):
    """Bytes that are there and are no asset yet; `id` becomes the file's, `sha3_512` is the server's own reading."""

    id: str
    bucket: str
    path: str
    mime_type: str
    file_name: str
    size: int
    sha3_512: str


class FileUrl(msgspec.Struct, frozen=True):
    """Where a file's bytes are, for a while."""

    url: str


class Files:
    """`/files`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upload(self, path: Path, file_name: str, visibility: str | None, on_bytes: OnBytes | None = None) -> Upload:
        """Send a file's bytes, streamed; `on_bytes` hears how many have left, and less again where a try failed.

        Raises FileChanged for a file that somebody writes to meanwhile.
        """
        wanted = {"file_name": file_name, "visibility": visibility}
        answer: Data[UploadUrl] = self._session.json(
            Data[UploadUrl], "POST", "/files/upload-url", json={k: v for k, v in wanted.items() if v is not None}
        )
        address, size_bytes = answer.data, path.stat().st_size
        # The address carries its own right: no token goes there. What is sent twice is kept once.
        self._session.transport.request(
            address.method,
            address.upload_url,
            content=lambda: read_pieces(path, size_bytes, on_bytes),
            headers={**address.headers, "content-length": str(size_bytes)},
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            accept=(200, 201, 204),
        )
        sent: Data[Upload] = self._session.json(
            Data[Upload],
            "POST",
            "/files/upload/complete",
            json={"upload_id": address.upload_id, "file_name": file_name},
        )
        return sent.data

    def discard(self, upload_id: str) -> None:
        """Forget an upload that is not to become an asset."""
        self._session.request("DELETE", "/files/upload", json={"upload_id": upload_id})

    def create(self, upload: Upload, **fields: Any) -> Asset:
        """Make an upload an asset; `fields` are an asset's (name, description, visibility, prices, …)."""
        metadata = {
            "id": upload.id,
            "name": upload.file_name,
            "bucket": upload.bucket,
            "path": upload.path,
            "type": upload.mime_type,
            "size": upload.size,
        }
        file = {"id": upload.id, "source": "api", "asset_type": "file", "metadata": metadata} | fields
        try:
            made: Data[Asset] = self._session.json(
                Data[Asset], "POST", "/files/create", json={"file": file}, accept=(200, 201), safe=False
            )
        except (ServerUnreachable, HallmarketError) as error:
            if not (isinstance(error, ServerUnreachable) or error.status in (502, 504)):
                raise
            # The answer is lost, and the file may be there: its id, known before, tells.
            found = self.find(upload.id)
            if found is None:
                raise
            return found
        return made.data

    @contextmanager
    def open(self, file_id: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Open a file's bytes; `headers` may ask for a range of them. Raises Locked for what must be bought first."""
        path = f"/files/{quote(file_id, safe='')}/data"
        found: Data[FileUrl] = self._session.json(Data[FileUrl], "GET", path)
        with self._session.transport.stream("GET", found.data.url, headers=headers) as response:
            if response.status_code not in (200, 206):
                response.read()
                raise read_error(response)
            yield response

    def get(self, file_id: str) -> Asset:
        """Get a file's asset."""
        found: Data[Asset] = self._session.json(Data[Asset], "GET", f"/files/{quote(file_id, safe='')}")
        return found.data

    def find(self, file_id: str) -> Asset | None:
        """Get a file's asset, or None."""
        try:
            return self.get(file_id)
        except HallmarketError as error:
            if error.status != 404:
                raise
            return None


def read_pieces(path: Path, size_bytes: int, on_bytes: OnBytes | None = None) -> Iterator[bytes]:
    """Yield a file's bytes; where that is broken off, take back what was told of them. Raises FileChanged."""
    sent = told = 0
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                sent += len(piece)
                if sent > size_bytes:
                    raise FileChanged
                if on_bytes:
                    on_bytes(len(piece))
                    told = sent
                yield piece
        if sent < size_bytes:
            raise FileChanged
    except BaseException:
        if on_bytes:
            on_bytes(-told)
        raise
