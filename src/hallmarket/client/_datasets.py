"""Datasets: versioned tables, written as JSON rows, read as JSON rows or as the anchored Parquet files."""

import gzip
import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from hallmarket.client._callbacks import OnBytes
from hallmarket.client._dataset_types import Column, DatasetStats, DatasetVersion, Ingested, QueryResult, WriteMode
from hallmarket.client._download import download
from hallmarket.client._exchange_types import Asset, Data, Page
from hallmarket.client._files import UPLOAD_TIMEOUT_S, read_chunks
from hallmarket.client._paging import iterate_pages, without_none
from hallmarket.client._session import Session
from hallmarket.client._transport import CONNECT_TIMEOUT_S
from hallmarket.proof.bundle import Bundle
from hallmarket.proof.manifest import ManifestFile

GZIP_FROM_BYTES = 2048
PAGE_ROWS = 1000


class _WriteResponse(msgspec.Struct):
    data: Ingested | None = None
    row_ingest: Ingested | None = None
    warning: dict[str, Any] | None = None


class Datasets:
    """The endpoints `/datasets`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, dataset_id: str) -> Asset:
        """Get a dataset's asset; its `metadata` has the columns and the table's name."""
        return self._session.json(Data[Asset], "GET", _path(dataset_id)).data

    def create_from_file(self, path: Path, file_name: str, on_bytes: OnBytes | None = None, **fields: Any) -> Asset:
        """Create a dataset from a CSV, Parquet, JSON, NDJSON or Excel file, completely or not at all.

        `fields` are an asset's. Raises FileChanged if the file is modified meanwhile. If the response is lost, raises
        ServerUnreachable with `was_sent`: the dataset may have been created.
        """
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="dataset"\r\n\r\n'
            f"{msgspec.json.encode(fields).decode()}\r\n"
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{_escape(file_name)}"\r\n'
            "content-type: application/octet-stream\r\n\r\n"
        ).encode()
        tail, size_bytes = f"\r\n--{boundary}--\r\n".encode(), path.stat().st_size
        created = self._session.json(
            Data[Asset],
            "POST",
            "/datasets/create/from-file",
            content=lambda: itertools.chain([head], read_chunks(path, size_bytes, on_bytes), [tail]),
            headers={
                "content-type": f"multipart/form-data; boundary={boundary}",
                "content-length": str(len(head) + size_bytes + len(tail)),
            },
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            accept=(200, 201),
            idempotent=False,
        )
        return created.data

    def schema(self, dataset_id: str) -> list[Column]:
        """List a dataset's columns in order."""
        return self._session.json(Data[list[Column]], "GET", _path(dataset_id, "schema")).data

    def stats(self, dataset_id: str) -> DatasetStats:
        """Get a dataset's number of rows and columns."""
        return self._session.json(Data[DatasetStats], "GET", _path(dataset_id, "stats")).data

    def versions(self, dataset_id: str, *, limit: int = 50, offset: int = 0) -> Page[DatasetVersion]:
        """List one page of a dataset's versions, newest first."""
        params = {"limit": limit, "offset": offset}
        return self._session.json(Page[DatasetVersion], "GET", _path(dataset_id, "versions"), params=params)

    def version(self, dataset_id: str, number: int) -> DatasetVersion:
        """Get one version of a dataset."""
        return self._session.json(Data[DatasetVersion], "GET", _path(dataset_id, "versions", str(number))).data

    def iterate_versions(self, dataset_id: str, offset: int = 0) -> Iterator[DatasetVersion]:
        """Yield a dataset's versions, newest first, page by page."""
        return iterate_pages(self.versions, None, offset, dataset_id=dataset_id)

    def manifest(self, dataset_id: str, version: int) -> bytes:
        """Get a version's manifest: the exact bytes that the log's entry is about."""
        return self._session.request("GET", _path(dataset_id, "versions", str(version), "manifest")).content

    def find_proof(self, dataset_id: str, version: int) -> Bundle | None:
        """Return the proof bundle of a version's manifest, unverified; None if it is not anchored yet."""
        path = _path(dataset_id, "versions", str(version), "proof")
        response = self._session.request("GET", path, accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)

    def download_file(
        self, dataset_id: str, version: int, file: ManifestFile, target: Path, on_bytes: OnBytes | None = None
    ) -> None:
        """Download one file of a version's manifest to `target`, which appears only once it is complete and verified.

        A partial download is resumed. Raises ProofError if the server sends other bytes than the manifest names, and
        OSError.
        """
        open_response = partial(self.open_file, dataset_id, version, file.name)
        download(self._session.transport, open_response, target, file.size, file.sha3_512, on_bytes)

    def open_file(
        self, dataset_id: str, version: int, name: str, headers: dict[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        """Open one of a version's Parquet files by its name in the manifest; `headers` may request a range."""
        return self._session.stream("GET", _path(dataset_id, "versions", str(version), "files", name), headers=headers)

    def rows(self, dataset_id: str) -> Iterator[dict[str, Any]]:
        """Yield every row of a dataset in its order, page by page."""
        params: dict[str, Any] = {"limit": PAGE_ROWS}
        while True:
            page = self._session.json(Page[dict[str, Any]], "GET", _path(dataset_id, "data"), params=params)
            yield from page.data
            if not page.pagination.has_more or not page.data:
                return
            cursor = (page.pagination.next_cursor or {}).get("cursor")
            if cursor is not None:
                params = {"limit": PAGE_ROWS, "cursor": cursor}
            else:
                params = {"limit": PAGE_ROWS, "offset": params.get("offset", 0) + len(page.data)}

    def query(self, dataset_id: str, sql: str, **options: Any) -> QueryResult:
        """Run one SELECT, in which {{table}} names the dataset; `limit` and `offset` select a page of its result."""
        body = {"query": sql} | without_none(options)
        return self._session.json(QueryResult, "POST", _path(dataset_id, "query-custom"), json=body)

    def write(
        self, dataset_id: str, rows: Sequence[bytes], mode: WriteMode, *, finalize: bool
    ) -> tuple[Ingested, dict[str, Any] | None]:
        """Send rows, each a JSON object, in one request that is applied completely or not at all.

        Returns the counts, and the server's warning if there is one. If the response to an append is lost, raises
        ServerUnreachable with `was_sent`: the rows may have been written, so the request is not repeated.
        """
        body = b'{"rows":[%s],"mode":"%s","finalize":%s}' % (
            b",".join(rows),
            mode.encode(),
            b"true" if finalize else b"false",
        )
        headers = {"content-type": "application/json"}
        if len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        written = self._session.json(
            _WriteResponse,
            "POST",
            _path(dataset_id, "data"),
            content=body,
            headers=headers,
            # The server may wait a minute for other writers, and then write a large version.
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            idempotent=mode != "append",
        )
        return written.row_ingest or written.data or Ingested(), written.warning


def _escape(name: str) -> str:
    """Escape a file's name for multipart/form-data (WHATWG HTML)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _path(dataset_id: str, *more: str) -> str:
    return "/".join(["/datasets", *(quote(part, safe="") for part in (dataset_id, *more))])
