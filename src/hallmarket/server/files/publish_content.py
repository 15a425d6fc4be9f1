"""Publish a file's content in the transaction that sets it: show its metadata, anchor its hash, request a thumbnail."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.update import set_asset_details
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, NotFound
from hallmarket.server.files.paths import bucket_for
from hallmarket.server.files.types import Content, file_metadata, read_content
from hallmarket.server.media.anchor import accept
from hallmarket.server.media.types import AcceptedItem, AnchorRequest, Owner, Submission
from hallmarket.server.previews.request_thumbnail import request_thumbnail
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def insert_file(tx: Connection, principal: Principal, file_id: UUID, path: str, content: Content) -> None:
    """Insert the content of a new file asset, and publish it. Raises Unavailable."""
    await tx.execute(
        sql.create_file, file_id, content.blob_id, path, content.file_name, content.type, content.extension
    )
    await publish_content(tx, principal, file_id)


async def publish_content(tx: Connection, principal: Principal, file_id: UUID) -> None:
    """Show the metadata of a file's new content, anchor its hash, and request its thumbnail. Raises Unavailable."""
    row = await _show_metadata(tx, file_id)
    content = read_content(row)
    await _anchor(tx, principal, content, row["organization_id"], row["audience"])
    await request_thumbnail(tx, content.blob_id)


async def update_metadata(tx: Connection, file_id: UUID) -> None:
    """Update the metadata that depends on a file's fields, such as its bucket."""
    await _show_metadata(tx, file_id)


async def _show_metadata(tx: Connection, file_id: UUID) -> asyncpg.Record:
    row = await tx.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    content = read_content(row)
    metadata = file_metadata(file_id, bucket_for(row["visibility"]), row["path"], content)
    await set_asset_details(tx, file_id, metadata=msgspec.to_builtins(metadata), body=content.file_name)
    return row


async def _anchor(
    tx: Connection, principal: Principal, content: Content, organization_id: UUID | None, audience: str
) -> None:
    """Anchor the content's hash unless it is anchored already: then the log proves these bytes anyway.

    Anyone who has the same bytes can look up the registered name, so the name is included only for a public listing.
    """
    name = content.file_name if audience in ("public", "monetized") else None
    request = AnchorRequest(content.sha3_512, content.size_bytes, None, name, "{}", echo={})
    (outcome,) = await accept(tx, [Submission(Owner(organization_id, principal.person_id), request)])
    if not isinstance(outcome, AcceptedItem | Duplicate):
        raise outcome
