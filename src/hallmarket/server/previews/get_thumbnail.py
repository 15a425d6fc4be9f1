"""Serves a thumbnail to anyone who knows its URL."""

import asyncio
from pathlib import Path
from typing import IO
from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.http.reply import Reply
from hallmarket.server.previews.types import CONTENT_TYPE

sql = load_queries(__package__)

MAX_BYTES = 16 * 1024 * 1024
HEADERS = (
    (b"cache-control", b"public, max-age=31536000, immutable"),  # a new thumbnail has a new URL
    (b"access-control-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
)


async def get_thumbnail(database: Database, blobs: BlobStore, scratch: Path, thumbnail_id: str) -> Reply:
    """Get a thumbnail with its HTTP headers. Raises NotFound, also for a malformed id; Unavailable."""
    row = None
    if UUID_PATTERN.fullmatch(thumbnail_id):
        async with database.connection() as connection:
            row = await connection.fetchrow(sql.find_thumbnail, UUID(thumbnail_id))
    if row is None:
        raise NotFound("There is no such thumbnail.")
    try:
        file = await blobs.open(row["thumbnail_id"], scratch, MAX_BYTES)
    except FileNotFoundError:
        raise NotFound("This thumbnail has been deleted.") from None
    content = await asyncio.to_thread(_read, file)
    tag = b'"%s"' % row["sha3_512"].hex()[:32].encode()
    return Reply(200, content, ((b"etag", tag), *HEADERS), CONTENT_TYPE.encode())


def _read(file: IO[bytes]) -> bytes:
    with file:
        return file.read()
