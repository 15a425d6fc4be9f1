"""Export a whole dataset version as a file, generated while it is read."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.types import DATASET
from hallmarket.server.datasets.version_number import VERSION_QUERY, read_version_number
from hallmarket.server.datasets.versions import get_version_row, read_snapshot
from hallmarket.server.errors import InvalidRequest, Unavailable
from hallmarket.server.principal import Principal
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.errors import InvalidQuery
from hallmarket.server.query_engine.types import Format, Query
from hallmarket.server.tables.store import TableStore

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}
EXPORT_QUERY: dict[str, dict[str, Any]] = {
    "format": {
        "type": "string",
        "enum": [str(format_) for format_ in Format],
        "default": "csv",
        "description": "The file format.",
    },
    "version": VERSION_QUERY,
}


class ExportRequest(msgspec.Struct, frozen=True):
    """The requested format and version; None for the newest."""

    format: Format
    version: int | None


def read_export_request(query: dict[str, str]) -> ExportRequest:
    """Read the parameters of an export. Raises InvalidRequest."""
    return ExportRequest(parse_format(query.get("format")), read_version_number(query))


def parse_format(text: str | None) -> Format:
    """Return the format with a name; CSV for None. Raises InvalidRequest."""
    if text is None:
        return Format.CSV
    if text not in list(Format):
        raise InvalidRequest(f"format must be one of {', '.join(Format)}.", "format")
    return Format(text)


class DatasetExporter:
    """Exports dataset versions. It is also the catalog's content provider for datasets."""

    def __init__(self, database: Database, tables: TableStore, engine: QueryEngine) -> None:
        self._database = database
        self._tables = tables
        self._engine = engine

    async def get_export(self, principal: Principal, dataset_id: UUID, request: ExportRequest) -> Download:
        """Return the export of a version. Raises NotFound, Locked."""
        async with self._database.connection() as connection:
            await get_access(connection, principal, dataset_id, READ, DATASET)
        return await self._get(dataset_id, request.format, request.version)

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """Return the export of the newest version. The caller has checked access. Raises InvalidRequest, NotFound."""
        return await self._get(asset_id, parse_format(content_format), None)

    async def _get(self, dataset_id: UUID, format_: Format, number: int | None) -> Download:
        async with self._database.connection() as connection:
            row = await get_version_row(connection, dataset_id, number)
        snapshot = read_snapshot(row)

        async def read(first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
            assert first == 0, "an export is generated for each download, and read from its first byte"
            assert last is None, "to its end"
            query = Query(await asyncio.to_thread(self._tables.query_source, snapshot))
            try:
                async with aclosing(self._engine.export(query, format_)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except InvalidQuery as error:
                raise Unavailable("The dataset cannot be exported at the moment. Try again.") from error

        return Download(f"{row['asset_name'] or DATASET}.{format_}", CONTENT_TYPES[format_], read)
