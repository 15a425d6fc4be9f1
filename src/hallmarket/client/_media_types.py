"""Request and response types of the media API; times are ISO 8601 strings in UTC."""

from typing import Any, Generic, TypeVar

import msgspec

CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4

Item = TypeVar("Item")


class UserOrganization(msgspec.Struct, frozen=True, rename="camel"):
    """The organization of a user."""

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
    organization: UserOrganization | None


class LogTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """An item's position in the log.

    `transaction_id` is 0x and the leaf hash, `block_id` 0x and the root hash, `block_number` the checkpoint's number,
    `anchored_time` its unix second, `network_validators` how many valid signatures it has.
    """

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
    transaction: LogTransaction | None


class PublicMedia(msgspec.Struct, frozen=True, rename="camel"):
    """The public fields of an anchored item."""

    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    created_on: str
    metadata: str
    transaction: LogTransaction | None


class MediaPage(msgspec.Struct, Generic[Item], frozen=True, rename="camel"):
    """One page of a list; `page` is None if a cursor was used, `next_cursor` is None on the last page."""

    total: int
    page: int | None
    limit: int
    items: list[Item]
    next_cursor: str | None = None


class AnchorRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file to anchor: its SHA3-512 as 128 lower-case hexadecimal digits, and its size in bytes."""

    hash: str
    size: int
    name: str | None = None
    metadata: str | None = None
    id: str | None = None


class Anchored(msgspec.Struct, frozen=True):
    """The item of an anchored hash; `known` is true if this organization had registered the hash before."""

    id: str
    known: bool = False


class BatchResult(msgspec.Struct, frozen=True):
    """The result of one request of a batch; `status` is 201, 200, 400 or 409, `index` counts from 0."""

    index: int
    status: int
    id: str | None = None
    code: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None

    @property
    def own_id(self) -> str | None:
        """The id of the caller's item with this hash, created now or earlier; None if the caller has none."""
        if self.status in (200, 201):
            return self.id
        own = (self.details or {}).get("id") if self.status == 409 else None
        return own if isinstance(own, str) else None


class CheckpointSummary(msgspec.Struct, frozen=True, rename="camel"):
    """The log's newest checkpoint: its number, its entries, its root in base64, and when it was signed."""

    number: int
    size: int
    root: str
    created_on: str


class LogSummary(msgspec.Struct, frozen=True, rename="camel"):
    """The log: its origin, its number of entries, and how many more are queued."""

    origin: str
    size: int
    queue: int
    checkpoint: CheckpointSummary | None = None


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """A server's health; `status` is "ready" or "unavailable"."""

    status: str
    version: str | None = None
    database: str | None = None
    log: LogSummary | None = None
