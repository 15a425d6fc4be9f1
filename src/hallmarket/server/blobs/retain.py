"""Mark stored blobs as in use, so that they are not deleted as unused."""

from uuid import UUID

from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable

sql = load_queries(__package__)


async def retain_blob(tx: Connection, blob: StoredBlob) -> None:
    """Retain a received blob if `tx` commits. Raises Unavailable if it has already been deleted as unused."""
    if await tx.fetchval(sql.retain_blob, blob.id, blob.size_bytes, blob.sha3_512) is None:
        raise Unavailable("The upload took longer than a day, so its bytes were deleted. Upload them again.")


async def retain_released_blob(tx: Connection, blob_id: UUID) -> None:
    """Retain a blob that `tx` has just released by deleting its owner, because `tx` gives it to a new owner."""
    await tx.execute(sql.retain_released_blob, blob_id)
