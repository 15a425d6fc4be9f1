"""Upload media: the bytes are fingerprinted and stored as they come, and the item is anchored with them."""

import os
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from hallmarket.proof.entry import SALT_BYTES
from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.idempotency import REPLAYED
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.idempotency.store import IdempotencyStore
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.media.anchor import accept
from hallmarket.server.media.idempotency import make_claim
from hallmarket.server.media.list import find_media
from hallmarket.server.media.outcome import Work
from hallmarket.server.media.read import check_texts
from hallmarket.server.media.types import Anchor, Owner, owner_of
from hallmarket.server.previews.request_thumbnail import request_thumbnail
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def upload(
    database: Database,
    blobs: BlobStore,
    principal: Principal,
    idempotency_key: str | None,
    form: UploadForm,
    thumbnails: str,
) -> Reply:
    """Receive `multipart/form-data` with `file`, and `name`, `metadata`, `anchor` before or behind it.

    Answers with the new item, accepted, or created where `anchor` is false; under an idempotency key with the first
    answer again. Raises InvalidRequest, PayloadTooLarge, Duplicate for bytes that are anchored already,
    IdempotencyMismatch, Unavailable; then nothing is kept.
    """
    owner, key = owner_of(principal), idempotency_key
    received: StoredBlob | None = None
    kept = False
    try:
        async for file in form.files():
            received = await blobs.receive(owner.organization_id, file.content_type, file.pieces)
        if received is None:
            raise InvalidRequest("file is missing.", "file")
        name, metadata = form.fields.get("name", form.filename), form.fields.get("metadata", "{}")
        check_texts(name, metadata)
        wants_anchor = form.wants_anchor
        anchor = Anchor(received.sha3_512, received.size_bytes, None, name, metadata, echo={})
        answers = IdempotencyStore({} if key is None else {0: make_claim(owner, key, anchor, "upload", wants_anchor)})
        async with database.transaction() as tx:
            told = (await answers.claim(tx)).get(0)
            is_first = told is None
            if is_first:
                item_id = await _create(tx, owner, anchor, received, wants_anchor)
                item = await find_media(tx, owner.organization_id, item_id, thumbnails)
                told = StoredResponse(201, msgspec.json.encode(item))
                await answers.keep(tx, {0: told})
        kept = is_first
    finally:
        if received is not None and not kept:
            await blobs.discard(received.id)
    if not isinstance(told, StoredResponse):
        assert isinstance(told, DomainError)
        raise told
    return Reply(told.status, told.body, () if is_first else (REPLAYED,))


async def _create(tx: Connection, owner: Owner, anchor: Anchor, received: StoredBlob, wants_anchor: bool) -> UUID:
    item_id = new_id()
    await retain_blob(tx, received)
    await request_thumbnail(tx, received.id)
    await tx.execute(
        sql.create_uploaded,
        *(item_id, owner.organization_id, owner.person_id, anchor.hash, anchor.size, anchor.name, anchor.metadata),
        *(os.urandom(SALT_BYTES), datetime.now(UTC), received.id),
    )
    if wants_anchor:
        (outcome,) = await accept(tx, [Work(owner, msgspec.structs.replace(anchor, id=item_id))])
        if isinstance(outcome, DomainError):
            raise outcome
    return item_id
