"""Media on the wire and inside: the published reference's models, and a validated anchor request."""

import re
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.errors import InvalidHash
from hallmarket.server.identity.types import WireUser, iso_time
from hallmarket.server.previews.urls import thumbnail_url
from hallmarket.server.principal import Principal

CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4
MAX_BYTES = 2**63 - 1
HASH = re.compile(r"[0-9a-f]{128}")


class Anchor(msgspec.Struct, frozen=True):
    """One request to anchor, checked: the fingerprint's 64 bytes, the size in bytes, and what the caller says of it.

    `echo` is the request as it was sent, for the answer that gives it back.
    """

    hash: bytes
    size: int
    id: UUID | None
    name: str | None
    metadata: str
    echo: dict[str, Any]


class Owner(msgspec.Struct, frozen=True):
    """The owner of an item: an organization with the person who acts for it, or a person alone."""

    organization_id: UUID | None
    person_id: UUID


def owner_of(principal: Principal) -> Owner:
    """The owner of what somebody anchors in their organization. Raises Forbidden in the personal context."""
    return Owner(principal.own_organization_id, principal.person_id)


class WireTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """A place in the log in the reference's words: a leaf is a "transaction", a checkpoint a "block"."""

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
    """What anybody may know of an anchored item."""

    hash: str
    name: str | None
    size: int
    thumbnail: str | None
    created_on: str
    metadata: str
    transaction: WireTransaction


def read_hash(text: str) -> bytes:
    """The 64 bytes of a fingerprint. Raises InvalidHash unless it is 128 lower-case hexadecimal digits."""
    if not HASH.fullmatch(text):
        raise InvalidHash
    return bytes.fromhex(text)


def wire_transaction(row: asyncpg.Record) -> WireTransaction:
    """The transaction of an anchored row."""
    return WireTransaction(
        transaction_id="0x" + row["leaf_hash"].hex(),
        block_id="0x" + row["root_hash"].hex(),
        block_number=row["number"],
        network_validators=row["signature_count"],
        anchored_time=int(row["anchored_on"].timestamp()),
        created_on=iso_time(row["anchored_on"]),
    )


def wire_item(row: asyncpg.Record, creator: WireUser, thumbnails: str) -> WireItem:
    """A MEDIA_ITEM_MODEL; `transaction` is null until the item is anchored, `thumbnail` unless there is one."""
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
