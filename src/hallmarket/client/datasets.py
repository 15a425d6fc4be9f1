"""Datasets: tables with versions; rows go in as JSON, and come out as JSON or as the very files that are anchored."""

import gzip
import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
import msgspec

from hallmarket.client.exchange_types import Asset, Data, Page, Pagination, Person
from hallmarket.client.files import UPLOAD_TIMEOUT_S, OnBytes, read_pieces
from hallmarket.client.paging import iterate_pages
from hallmarket.client.session import Session
from hallmarket.client.transport import CONNECT_TIMEOUT_S
from hallmarket.proof.bundle import Bundle

GZIP_FROM_BYTES = 2048
PAGE_ROWS = 1000

Mode = Literal["append", "overwrite", "upsert", "update"]


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset, its type in PostgreSQL's words."""

    name: str
    type: str
    is_nullable: Any = None
    semantic_type: str | None = None


class Stats(msgspec.Struct, frozen=True, rename={"column_count": "columnCount"}):
    """How large a dataset is."""

    count: int
    column_count: int
    size_bytes: int | None = None


class Version(msgspec.Struct, frozen=True):
    """A finished version; `sha3_512` is its manifest's, `status` as a media item's: accepted, anchored or failed.

    `delta_version` is its number for programs that read the table in place.
    """

    number: int
    created_at: str
    rows: int
    size_bytes: int
    sha3_512: str
    status: int
    delta_version: int
    user_id: str
    user: Person | None = None


class Ingested(msgspec.Struct, frozen=True):
    """What became of rows that were sent."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.inserted + other.inserted, self.updated + other.updated, self.skipped + other.skipped)


class Answer(msgspec.Struct, frozen=True):
    """The rows a query gave, and the query that ran."""

    data: list[dict[str, Any]]
    query: str | None = None
    pagination: Pagination | None = None


class _Written(msgspec.Struct):
    data: Ingested | None = None
    row_ingest: Ingested | None = None
    warning: dict[str, Any] | None = None


class Datasets:
    """`/datasets`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, dataset_id: str) -> Asset:
        """Get a dataset's asset; its `metadata` names columns and table."""
        found: Data[Asset] = self._session.json(Data[Asset], "GET", _path(dataset_id))
        return found.data

    def create_from_file(self, path: Path, file_name: str, on_bytes: OnBytes | None = None, **fields: Any) -> Asset:
        """Create a dataset of a CSV, Parquet, JSON, NDJSON or Excel file; `fields` are an asset's.

        All of it or nothing. Where the answer is lost, ServerUnreachable with `was_sent`: it may have been created.
        Raises FileChanged for a file that somebody writes to meanwhile.
        """
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="dataset"\r\n\r\n'
            f"{msgspec.json.encode(fields).decode()}\r\n"
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{_quoted(file_name)}"\r\n'
            "content-type: application/octet-stream\r\n\r\n"
        ).encode()
        tail, size_bytes = f"\r\n--{boundary}--\r\n".encode(), path.stat().st_size
        made: Data[Asset] = self._session.json(
            Data[Asset],
            "POST",
            "/datasets/create/from-file",
            content=lambda: itertools.chain([head], read_pieces(path, size_bytes, on_bytes), [tail]),
            headers={
                "content-type": f"multipart/form-data; boundary={boundary}",
                "content-length": str(len(head) + size_bytes + len(tail)),
            },
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            accept=(200, 201),
            safe=False,
        )
        return made.data

    def schema(self, dataset_id: str) -> list[Column]:
        """List a dataset's columns in order."""
        found: Data[list[Column]] = self._session.json(Data[list[Column]], "GET", _path(dataset_id, "schema"))
        return found.data

    def stats(self, dataset_id: str) -> Stats:
        """Count a dataset's rows and columns."""
        found: Data[Stats] = self._session.json(Data[Stats], "GET", _path(dataset_id, "stats"))
        return found.data

    def versions(self, dataset_id: str, *, limit: int = 50, offset: int = 0) -> Page[Version]:
        """List a page of a dataset's versions, newest first."""
        found: Page[Version] = self._session.json(
            Page[Version], "GET", _path(dataset_id, "versions"), params={"limit": limit, "offset": offset}
        )
        return found

    def version(self, dataset_id: str, number: int) -> Version:
        """Get one version of a dataset."""
        found: Data[Version] = self._session.json(Data[Version], "GET", _path(dataset_id, "versions", str(number)))
        return found.data

    def iterate_versions(self, dataset_id: str, offset: int = 0) -> Iterator[Version]:
        """Yield a dataset's versions, newest first, a page at a time."""
        return iterate_pages(self.versions, None, offset, dataset_id=dataset_id)

    def manifest(self, dataset_id: str, version: int) -> bytes:
        """Get what a version consists of, to the byte."""
        return self._session.request("GET", _path(dataset_id, "versions", str(version), "manifest")).content

    def find_proof(self, dataset_id: str, version: int) -> Bundle | None:
        """Get the proof bundle of a version's manifest, not verified yet; None while it is not anchored."""
        path = _path(dataset_id, "versions", str(version), "proof")
        response = self._session.request("GET", path, accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)

    def open_file(
        self, dataset_id: str, version: int, name: str, headers: dict[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        """Open one of a version's Parquet files, as its manifest names them; `headers` may ask for a range of it."""
        return self._session.stream("GET", _path(dataset_id, "versions", str(version), "files", name), headers=headers)

    def rows(self, dataset_id: str) -> Iterator[dict[str, Any]]:
        """Yield every row of a dataset, in its order, a page at a time."""
        params: dict[str, Any] = {"limit": PAGE_ROWS}
        while True:
            page: Page[dict[str, Any]] = self._session.json(
                Page[dict[str, Any]], "GET", _path(dataset_id, "data"), params=params
            )
            yield from page.data
            if not page.pagination.has_more or not page.data:
                return
            cursor = (page.pagination.next_cursor or {}).get("cursor")
            if cursor is not None:
                params = {"limit": PAGE_ROWS, "cursor": cursor}
            else:
                params = {"limit": PAGE_ROWS, "offset": params.get("offset", 0) + len(page.data)}

    def query(self, dataset_id: str, sql: str, **options: Any) -> Answer:
        """Ask one SELECT of a dataset, which it calls {{table}}; `limit` and `offset` cut a page of the result."""
        body = {"query": sql} | {name: value for name, value in options.items() if value is not None}
        answer: Answer = self._session.json(Answer, "POST", _path(dataset_id, "query-custom"), json=body)
        return answer

    def write(
        self, dataset_id: str, rows: Sequence[bytes], mode: Mode, *, finalize: bool
    ) -> tuple[Ingested, dict[str, Any] | None]:
        """Send rows, each a JSON object, in one request that happens whole or not at all.

        Returns what became of them and the server's warning, if any. An append whose answer is lost raises
        ServerUnreachable with `was_sent`: nobody knows then whether it was done, and it is not sent again.
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
            _Written,
            "POST",
            _path(dataset_id, "data"),
            content=body,
            headers=headers,
            # It may wait for a minute for others, and then write a large version.
            timeout=httpx.Timeout(UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            safe=mode != "append",
        )
        return written.row_ingest or written.data or Ingested(), written.warning


def _quoted(name: str) -> str:
    """A file's name as forms spell it (WHATWG, multipart/form-data)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _path(dataset_id: str, *more: str) -> str:
    return "/".join(["/datasets", *(quote(part, safe="") for part in (dataset_id, *more))])
