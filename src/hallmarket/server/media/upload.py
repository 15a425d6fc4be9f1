"""Upload a file: store and fingerprint its bytes as they arrive, and anchor the new item."""

import os
from datetime import UTC, datetime
from functools import partial

import msgspec

from hallmarket.proof.entry import SALT_BYTES
from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.idempotency.claim import claim_for
from hallmarket.server.idempotency.store import do_once
from hallmarket.server.media.anchor import accept, owner_of
from hallmarket.server.media.anchor_request import verify_texts
from hallmarket.server.media.get import find_media
from hallmarket.server.media.types import AcceptedItem, AnchorRequest, Owner, Submission, WireItem
from hallmarket.server.previews.request_thumbnail import request_thumbnail
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def upload(
    database: Database,
    blobs: BlobStore,
    principal: Principal,
    form: UploadForm,
    thumbnails: str,
    idempotency_key: str | None = None,
) -> WireItem:
    """Receive a form with `file`, and `name`, `metadata` and `anchor` before or after it, and return the new item.

    The item is accepted, or only created if `anchor` is false. Raises InvalidRequest, PayloadTooLarge, Duplicate if the
    bytes are anchored already, Replay or IdempotencyMismatch if the key was used before, Unavailable. Then nothing is
    stored.
    """
    owner = owner_of(principal)
    received: StoredBlob | None = None
    is_committed = False
    try:
        async for file in form.files():
            received = await blobs.receive(owner.organization_id, file.content_type, file.chunks)
        if received is None:
            raise InvalidRequest("file is missing.", "file")
        name, metadata = form.fields.get("name", form.filename), form.fields.get("metadata", "{}")
        verify_texts(name, metadata)
        request = AnchorRequest(received.sha3_512, received.size_bytes, None, name, metadata, echo={})
        claim = claim_for(
            principal,
            idempotency_key,
            *(*request.identity, "upload", form.wants_anchor),
            render=created_reply,
            organization_id=principal.own_organization_id,
        )
        create = partial(_create_item, owner, request, received, form.wants_anchor, thumbnails)
        item = await do_once(database, claim, create, store_errors=False)
        is_committed = True
        return item
    finally:
        if received is not None and not is_committed:
            await blobs.discard(received.id)


def created_reply(item: WireItem) -> Reply:
    """Return the response that contains a new item."""
    return Reply(201, msgspec.json.encode(item))


async def _create_item(
    owner: Owner, request: AnchorRequest, received: StoredBlob, wants_anchor: bool, thumbnails: str, tx: Connection
) -> WireItem:
    item_id = new_id()
    await retain_blob(tx, received)
    await request_thumbnail(tx, received.id)
    await tx.execute(
        sql.create_uploaded,
        *(item_id, owner.organization_id, owner.person_id, request.hash, request.size, request.name),
        *(request.metadata, os.urandom(SALT_BYTES), datetime.now(UTC), received.id),
    )
    if wants_anchor:
        (outcome,) = await accept(tx, [Submission(owner, msgspec.structs.replace(request, id=item_id))])
        if not isinstance(outcome, AcceptedItem):
            raise outcome
    item = await find_media(tx, owner.organization_id, item_id, thumbnails)
    assert item is not None
    return item
