"""The download of a post or comment: HTML, or the Markdown as it was written."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.rich_text.write_html import write_html

sql = load_queries(__package__)


class PostContentProvider:
    """The catalog's content provider for posts and comments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """Return a page of HTML, or the Markdown as it was written. Raises InvalidRequest, NotFound."""
        if content_format not in (None, "html", "markdown"):
            raise InvalidRequest("format must be html or markdown for a post.", "format")
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.find_content, asset_id)
        if row is None:
            raise NotFound("There is no such post.")
        name = row["slug"] or row["asset_type"]
        if content_format == "markdown":
            return _make_download(f"{name}.md", "text/markdown; charset=utf-8", row["text"])
        # A long text takes time to convert.
        page = await asyncio.to_thread(write_html, msgspec.json.decode(row["json"]), row["name"] or "")
        return _make_download(f"{name}.html", "text/html; charset=utf-8", page)


def _make_download(file_name: str, content_type: str, text: str) -> Download:
    content = text.encode()

    async def read(first: int, last: int | None) -> AsyncIterator[bytes]:
        yield content[first : None if last is None else last + 1]

    return Download(file_name, content_type, read, len(content))
