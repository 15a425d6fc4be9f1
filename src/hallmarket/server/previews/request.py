"""Ask for a thumbnail of bytes, and see what became of it."""

from uuid import UUID, uuid4

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.previews.types import KIND, Preview

sql = load_queries(__package__)

THUMBNAIL_PATH = "/v1/public/thumbnails/"


async def request(tx: Connection, blob_id: UUID) -> None:
    """Have a thumbnail made, if `tx` commits; bytes that one was asked of before get no other."""
    if await tx.fetchval(sql.create_preview, uuid4(), blob_id) is not None:
        await enqueue(tx, KIND, blob_id)


async def find(connection: Connection, blob_id: UUID) -> Preview | None:
    """What is known of the thumbnail of these bytes; None if none was asked for."""
    row = await connection.fetchrow(sql.find_preview, blob_id)
    return None if row is None else read_preview(row)


def read_preview(row: asyncpg.Record) -> Preview:
    """A row of the table as a Preview."""
    return Preview(**row)


def thumbnail_url(base: str, preview_id: UUID) -> str:
    """The address of a thumbnail that was made, at the server or CDN at `base`."""
    return f"{base}{THUMBNAIL_PATH}{preview_id}"
