"""A whole version in a format that other programs read, made while it is read."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.answer import VERSION_QUERY, read_version_number
from hallmarket.server.datasets.types import DATASET
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
EXPORT_QUERY = {
    "format": {
        "type": "string",
        "enum": [str(format_) for format_ in Format],
        "default": "csv",
        "description": "What to write it in.",
    },
    "version": VERSION_QUERY,
}


def read_format(text: str | None) -> Format:
    """A format by name, CSV without one. Raises InvalidRequest."""
    if text is None:
        return Format.CSV
    if text not in list(Format):
        raise InvalidRequest(f"format must be one of {', '.join(Format)}.", "format")
    return Format(text)


class Exports:
    """Versions of datasets as files, also for those who download assets of any type."""

    def __init__(self, database: Database, tables: TableStore, engine: QueryEngine) -> None:
        self._database = database
        self._tables = tables
        self._engine = engine

    async def find_export(self, principal: Principal, dataset_id: UUID, query: dict[str, str]) -> Download:
        """The export a query asks for. Raises InvalidRequest, NotFound, Locked."""
        format_, number = read_format(query.get("format")), read_version_number(query)
        async with self._database.connection() as connection:
            await get_access(connection, principal, dataset_id, READ, DATASET)
        return await self._find(dataset_id, format_, number)

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """The newest version in a form, CSV if None. Who asks has been seen to. Raises InvalidRequest, NotFound."""
        return await self._find(asset_id, read_format(content_format), None)

    async def _find(self, dataset_id: UUID, format_: Format, number: int | None) -> Download:
        async with self._database.connection() as connection:
            row = await get_version_row(connection, dataset_id, number)
        snapshot = read_snapshot(row)

        async def read(start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
            assert start == 0, "an export is made anew each time, from its first byte"
            assert end is None, "and to its last"
            export = Query(await asyncio.to_thread(self._tables.query_source, snapshot))
            try:
                async with aclosing(self._engine.export(export, format_)) as pieces:
                    async for piece in pieces:
                        yield piece
            except InvalidQuery as error:
                raise Unavailable("The dataset cannot be exported at the moment. Try again.") from error

        return Download(f"{row['asset_name'] or DATASET}.{format_}", CONTENT_TYPES[format_], read)
