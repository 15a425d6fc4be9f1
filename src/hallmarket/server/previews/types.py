"""Types of previews, and the interface for rooms that want to know of new thumbnails."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection

MAKE_THUMBNAIL = "preview"  # the job that makes a thumbnail
CONTENT_TYPE = "image/webp"

State = Literal["waiting", "made", "none"]


class Preview(msgspec.Struct, frozen=True):
    """The state of a blob's thumbnail: waiting, made, or none for a reason.

    `id` is part of the thumbnail's URL, which anyone who knows it can fetch, so disclose it only to those who may read
    the blob.
    """

    id: UUID
    blob_id: UUID
    state: State
    reason: str | None
    width: int | None
    height: int | None


# Called in the transaction that stores a new thumbnail.
ThumbnailListener = Callable[[Connection, Preview], Awaitable[None]]
