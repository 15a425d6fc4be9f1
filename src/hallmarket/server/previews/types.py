"""Thumbnails: what is known of them, and who is told."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection

KIND = "preview"  # of the jobs

State = Literal["waiting", "made", "none"]


class Preview(msgspec.Struct, frozen=True):
    """The thumbnail of a blob: waited for, made, or none with its reason.

    `id` stands in its address, which opens it to anybody: only those who may see the blob are told.
    """

    id: UUID
    blob_id: UUID
    state: State
    reason: str | None
    width: int | None
    height: int | None


# A room's word on what a thumbnail that was made means to its things; runs in the transaction that keeps the thumbnail.
Told = Callable[[Connection, Preview], Awaitable[None]]
