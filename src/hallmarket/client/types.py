"""What goes over the wire of the media dialect, as frozen Structs; times are ISO 8601 texts in UTC."""

from typing import Any, Generic, TypeVar

import msgspec

CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4

Item = TypeVar("Item")


class Organization(msgspec.Struct, frozen=True, rename="camel"):
    """An organization, as it stands inside a user."""

    id: str
    name: str
    website_url: str | None = None
    created_on: str | None = None


class User(msgspec.Struct, frozen=True, rename="camel"):
    """A member of an organization."""

    id: str
    firstname: str | None
    lastname: str | None
    created_on: str
    profile_picture: str | None
    organization: Organization | None


class Transaction(msgspec.Struct, frozen=True, rename="camel"):
    """Where an item stands in the log: 0x + leaf hash, 0x + root, the checkpoint's number and unix second."""

    transaction_id: str
    block_id: str
    block_number: int
    network_validators: int
    anchored_time: int
    created_on: str


class MediaItem(msgspec.Struct, frozen=True, rename="camel"):
    """An item of the caller's organization; status is CREATED, ACCEPTED, ANCHORED or FAILED."""

    id: str
    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    status: int
    created_on: str
    created_by: User | None
    metadata: str
    transaction: Transaction | None


class PublicMedia(msgspec.Struct, frozen=True, rename="camel"):
    """What anyone may know of an anchored item."""

    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    created_on: str
    metadata: str
    transaction: Transaction | None


class Page(msgspec.Struct, Generic[Item], frozen=True, rename="camel"):
    """One page of a listing; `page` is None beside a cursor, `next_cursor` None on the last page."""

    total: int
    page: int | None
    limit: int
    items: list[Item]
    next_cursor: str | None = None


class AnchorRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to anchor: SHA3-512 as 128 lower-case hex digits, size in bytes."""

    hash: str
    size: int
    name: str | None = None
    metadata: str | None = None
    id: str | None = None


class Anchored(msgspec.Struct, frozen=True):
    """The item that now stands for a request; `known` if this organization had registered the hash before."""

    id: str
    known: bool = False


class BatchResult(msgspec.Struct, frozen=True):
    """What became of one line of a batch: status 201, 200, 400 or 409; `index` counts from the first request given."""

    index: int
    status: int
    id: str | None = None
    code: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None

    @property
    def own_id(self) -> str | None:
        """The id of the caller's item with this hash, made by this request or before it; None if there is none."""
        if self.status in (200, 201):
            return self.id
        own = (self.details or {}).get("id") if self.status == 409 else None
        return own if isinstance(own, str) else None


class CheckpointSummary(msgspec.Struct, frozen=True, rename="camel"):
    """The log's last checkpoint: number, entries, root (base64) and when it was signed."""

    number: int
    size: int
    root: str
    created_on: str


class LogSummary(msgspec.Struct, frozen=True, rename="camel"):
    """The log: its origin, its entries, and how many are waiting to be entered."""

    origin: str
    size: int
    queue: int
    checkpoint: CheckpointSummary | None = None


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """What a server says of itself; status is "ready" or "unavailable"."""

    status: str
    version: str | None = None
    database: str | None = None
    log: LogSummary | None = None
