"""Requests a thumbnail of a blob."""

from uuid import UUID, uuid4

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.previews.types import MAKE_THUMBNAIL

sql = load_queries(__package__)


async def request_thumbnail(tx: Connection, blob_id: UUID) -> None:
    """Enqueue a job that makes a blob's thumbnail, unless one was requested before. The job runs if `tx` commits."""
    if await tx.fetchval(sql.create_preview, uuid4(), blob_id) is not None:
        await enqueue(tx, MAKE_THUMBNAIL, blob_id)
