"""Anchor requests, and media items on the wire."""

import re
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.errors import DomainError, InvalidHash
from hallmarket.server.http.idempotency_key import Replay
from hallmarket.server.idempotency.claim import Claim
from hallmarket.server.identity.types import WireUser, iso_time
from hallmarket.server.previews.urls import thumbnail_url

CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4  # an item's status
MAX_SIZE_BYTES = 2**63 - 1
HASH = re.compile(r"[0-9a-f]{128}")


class AnchorRequest(msgspec.Struct, frozen=True):
    """A valid request to anchor a file: the 64 bytes of its fingerprint, its size in bytes, and its claims.

    `echo` holds the fields as the client sent them, for the response that returns them.
    """

    hash: bytes
    size: int
    id: UUID | None
    name: str | None
    metadata: str
    echo: dict[str, Any]

    @property
    def identity(self) -> tuple[object, ...]:
        """The fields that tell this request from another one under the same idempotency key."""
        return self.hash.hex(), self.size, self.id, self.name, self.metadata


class Owner(msgspec.Struct, frozen=True):
    """The owner of an item: an organization with the person who acts for it, or a person alone."""

    organization_id: UUID | None
    person_id: UUID


class Submission(msgspec.Struct, frozen=True):
    """An anchor request in a batch, with the owner of the new item and the claim to its idempotency key, if any."""

    owner: Owner
    request: AnchorRequest
    claim: Claim | None = None


class AcceptedItem(msgspec.Struct, frozen=True):
    """An item that is durable and queued for the log. If it is not new, the owner had created it before."""

    id: UUID
    is_new: bool


AnchorOutcome = AcceptedItem | DomainError | Replay


class WireTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """A position in the log, in the reference's words: a leaf is a "transaction", a checkpoint a "block"."""

    transaction_id: str
    block_id: str
    block_number: int
    network_validators: int
    anchored_time: int  # Unix seconds
    created_on: str


class WireItem(msgspec.Struct, frozen=True, rename="camel"):
    """The reference's MEDIA_ITEM_MODEL."""

    id: UUID
    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    status: int
    created_on: str
    created_by: WireUser
    metadata: str
    transaction: WireTransaction | None


class WirePublicItem(msgspec.Struct, frozen=True, rename="camel"):
    """The public fields of an anchored item."""

    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    created_on: str
    metadata: str
    transaction: WireTransaction


def read_hash(text: str) -> bytes:
    """Return the 64 bytes of a fingerprint. Raises InvalidHash unless it is 128 lower-case hexadecimal digits."""
    if not HASH.fullmatch(text):
        raise InvalidHash
    return bytes.fromhex(text)


def wire_transaction(row: asyncpg.Record) -> WireTransaction:
    """Return the transaction of an anchored row."""
    return WireTransaction(
        transaction_id="0x" + row["leaf_hash"].hex(),
        block_id="0x" + row["root_hash"].hex(),
        block_number=row["number"],
        network_validators=row["signature_count"],
        anchored_time=int(row["anchored_on"].timestamp()),
        created_on=iso_time(row["anchored_on"]),
    )


def wire_item(row: asyncpg.Record, creator: WireUser, thumbnails: str) -> WireItem:
    """Return the MEDIA_ITEM_MODEL of a row. `thumbnails` is the base URL of thumbnails.

    `transaction` is null until the item is anchored, and `thumbnail` unless there is one.
    """
    return WireItem(
        id=row["id"],
        hash=row["hash"].hex(),
        name=row["name"],
        size=row["size"],
        thumbnail=thumbnail_url(thumbnails, row["preview_id"]) if row["preview_state"] == "made" else None,
        status=row["status"],
        created_on=iso_time(row["created_on"]),
        created_by=creator,
        metadata=row["metadata"],
        transaction=wire_transaction(row) if row["number"] is not None else None,
    )
