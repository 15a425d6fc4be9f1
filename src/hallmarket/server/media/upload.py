"""Upload media: the bytes are fingerprinted and stored as they come, and the item is anchored with them."""

import os
from datetime import UTC, datetime
from uuid import UUID

from hallmarket.server.blobs.keep import Blobs, Received, keep
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.visit import Visit
from hallmarket.server.media.anchor import SALT_BYTES, accept
from hallmarket.server.media.outcome import Work
from hallmarket.server.media.read import check_texts
from hallmarket.server.media.receive import UploadForm
from hallmarket.server.media.types import Anchor, Asker
from hallmarket.server.previews.request import request

sql = load_queries(__package__)


async def upload(database: Database, blobs: Blobs, asker: Asker, visit: Visit, most_bytes: int) -> UUID:
    """Receive `multipart/form-data` with `file`, and `name`, `metadata`, `anchor` before or behind it.

    Returns the new item's id: accepted, or created where `anchor` is false. Raises InvalidRequest, PayloadTooLarge,
    Duplicate for bytes that are anchored already, Unavailable; then nothing is kept.
    """
    form = UploadForm(visit, most_bytes)
    received: Received | None = None
    try:
        async for file in form.files():
            received = await blobs.receive(asker.organization_id, file.content_type, file.pieces)
        if received is None:
            raise InvalidRequest("file is missing.", "file")
        name, metadata = form.fields.get("name", form.filename), form.fields.get("metadata", "{}")
        check_texts(name, metadata)
        wants_anchor = form.wants_anchor
        anchor = Anchor(received.sha3_512, received.size_bytes, new_id(), name, metadata, echo={})
        async with database.transaction() as tx:
            await _create(tx, asker, anchor, received)
            if wants_anchor:
                (outcome,) = await accept(tx, [Work(asker, anchor)])
                if isinstance(outcome, DomainError):
                    raise outcome
    except BaseException:
        if received is not None:
            await blobs.discard(received.id)
        raise
    assert anchor.id is not None
    return anchor.id


async def _create(tx: Connection, asker: Asker, anchor: Anchor, received: Received) -> None:
    await keep(tx, received)
    await request(tx, received.id)
    await tx.execute(
        sql.create,
        *(anchor.id, asker.organization_id, asker.person_id, anchor.hash, anchor.size, anchor.name, anchor.metadata),
        *(os.urandom(SALT_BYTES), datetime.now(UTC), received.id),
    )
