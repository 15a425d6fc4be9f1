"""Files: streamed uploads of any size, creation of the asset, verified downloads."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from hallmarket.client._callbacks import OnBytes
from hallmarket.client._download import download
from hallmarket.client._errors import FileChanged, HallmarketError, ServerUnreachable
from hallmarket.client._exchange_types import Asset, Data, Upload
from hallmarket.client._paging import without_none
from hallmarket.client._session import Session
from hallmarket.client._transport import CONNECT_TIMEOUT_S, read_error

CHUNK_BYTES = 256 * 1024
# The server may need this long to make 5 GiB durable after the last byte has arrived.
UPLOAD_TIMEOUT_S = 600.0


class UploadUrl(msgspec.Struct, frozen=True):
    """The address and the headers with which to send a file's bytes."""

    upload_id: str
    upload_url: str
    method: str = "PUT"
    headers: dict[str, str] = {}


class FileUrl(msgspec.Struct, frozen=True):
    """A temporary address of a file's bytes."""

    url: str


class Files:
    """The endpoints `/files`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upload(self, path: Path, file_name: str, visibility: str | None, on_bytes: OnBytes | None = None) -> Upload:
        """Stream a file's bytes to the server; raises FileChanged if the file is modified meanwhile.

        `on_bytes` is called with the number of bytes sent, negative if a failed attempt is repeated.
        """
        fields = without_none({"file_name": file_name, "visibility": visibility})
        address = self._session.json(Data[UploadUrl], "POST", "/files/upload-url", json=fields).data
        size_bytes = path.stat().st_size
        # The address itself authorizes the upload, so it gets no token. A second upload replaces the first.
        self._session.transport.request(
            address.method,
            address.upload_url,
            content=lambda: read_chunks(path, size_bytes, on_bytes),
            headers={**address.headers, "content-length": str(size_bytes)},
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            accept=(200, 201, 204),
        )
        completion = {"upload_id": address.upload_id, "file_name": file_name}
        return self._session.json(Data[Upload], "POST", "/files/upload/complete", json=completion).data

    def discard(self, upload_id: str) -> None:
        """Delete an upload that is not to become an asset."""
        self._session.request("DELETE", "/files/upload", json={"upload_id": upload_id})

    def create(self, upload: Upload, **fields: Any) -> Asset:
        """Create a file from an upload; `fields` are an asset's, such as name, description, visibility, prices."""
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
            created = self._session.json(
                Data[Asset], "POST", "/files/create", json={"file": file}, accept=(200, 201), idempotent=False
            )
        except (ServerUnreachable, HallmarketError) as error:
            if not (isinstance(error, ServerUnreachable) or error.status in (502, 504)):
                raise
            # The response is lost, but the file may exist: its id was known before.
            found = self.find(upload.id)
            if found is None:
                raise
            return found
        return created.data

    def download(self, file: Asset, target: Path, on_bytes: OnBytes | None = None) -> None:
        """Download a file to `target`, which appears only once it is complete and has the registered fingerprint.

        A partial download is resumed. Raises Locked if the file must be bought first, ProofError if the server sends
        other bytes than it registered, and OSError.
        """
        size_bytes, sha3_512 = int(file.metadata["size"]), str(file.metadata["sha3_512"])
        download(self._session.transport, partial(self.open, file.id), target, size_bytes, sha3_512, on_bytes)

    @contextmanager
    def open(self, file_id: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Open a file's bytes; `headers` may request a range. Raises Locked if the file must be bought first."""
        path = f"/files/{quote(file_id, safe='')}/data"
        address = self._session.json(Data[FileUrl], "GET", path).data
        with self._session.transport.stream("GET", address.url, headers=headers) as response:
            if response.status_code not in (200, 206):
                response.read()
                raise read_error(response)
            yield response

    def get(self, file_id: str) -> Asset:
        """Get a file's asset."""
        return self._session.json(Data[Asset], "GET", f"/files/{quote(file_id, safe='')}").data

    def find(self, file_id: str) -> Asset | None:
        """Return a file's asset, or None."""
        try:
            return self.get(file_id)
        except HallmarketError as error:
            if error.status != 404:
                raise
            return None


def read_chunks(path: Path, size_bytes: int, on_bytes: OnBytes | None = None) -> Iterator[bytes]:
    """Yield a file's bytes; raises FileChanged if it has another size by now.

    `on_bytes` is called with the size of each chunk, and with the negative sum if the iteration ends early.
    """
    sent_bytes = reported_bytes = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                sent_bytes += len(chunk)
                if sent_bytes > size_bytes:
                    raise FileChanged
                if on_bytes:
                    on_bytes(len(chunk))
                    reported_bytes = sent_bytes
                yield chunk
        if sent_bytes < size_bytes:
            raise FileChanged
    except BaseException:
        if on_bytes:
            on_bytes(-reported_bytes)
        raise
