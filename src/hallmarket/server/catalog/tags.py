"""Tags of an asset. Searches can filter by them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.normalize_fields import slugify
from hallmarket.server.catalog.types import LISTED, WRITE, Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, InvalidRequest, NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_TAGS = 50
TagName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewTags(msgspec.Struct, frozen=True):
    """The body of `PUT /assets/{id}/tags`."""

    tags: Annotated[list[TagName], msgspec.Meta(min_length=1, max_length=MAX_TAGS)]


class Tag(msgspec.Struct, frozen=True):
    """A tag. Names with the same slug are the same tag."""

    id: UUID
    name: str
    slug: str


class AssetTag(msgspec.Struct, frozen=True):
    """The reference's AssetTag: a tag on an asset, added by `user_id`."""

    id: UUID
    asset_id: UUID
    tag_id: UUID
    tag: Tag
    user_id: UUID | None
    created_at: datetime
    source: str = "manual"


async def list_tags(database: Database, principal: Principal, asset_id: UUID) -> list[AssetTag]:
    """Return an asset's tags, by name. Raises NotFound."""
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        return await _list_tags(connection, asset_id)


async def add_tags(database: Database, principal: Principal, asset_id: UUID, names: list[str]) -> list[AssetTag]:
    """Add tags to an asset, and return all tags that it has then.

    Raises NotFound, Locked, Forbidden, InvalidRequest for a name without a letter or digit, Conflict for too many tags.
    """
    names_by_slug = {slugify(name) or "": " ".join(name.split()) for name in names}
    if "" in names_by_slug:
        raise InvalidRequest("A tag must have at least one letter or digit.", "tags")
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, asset_id, WRITE)
        slugs = sorted(names_by_slug)
        ids = [new_id() for _ in slugs]
        await tx.execute(sql.create_tags, ids, [names_by_slug[slug] for slug in slugs], slugs)
        await tx.execute(sql.tag_asset, [new_id() for _ in slugs], asset_id, slugs, principal.person_id)
        tags = await _list_tags(tx, asset_id)
        if len(tags) > MAX_TAGS:
            raise Conflict(f"An asset can have at most {MAX_TAGS} tags.")
        await _record(tx, principal, access, added=slugs)
        return tags


async def remove_tag(database: Database, principal: Principal, asset_id: UUID, tag_id: UUID) -> None:
    """Remove a tag from an asset. Raises NotFound, Locked, Forbidden."""
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, asset_id, WRITE)
        slug = await tx.fetchval(sql.untag_asset, asset_id, tag_id)
        if slug is None:
            raise NotFound("The asset has no such tag.")
        await _record(tx, principal, access, removed=[slug])


async def _list_tags(connection: Connection, asset_id: UUID) -> list[AssetTag]:
    return [_wire_tag(row) for row in await connection.fetch(sql.list_tags, asset_id)]


async def _record(tx: Connection, principal: Principal, access: Access, **changes: list[str]) -> None:
    asset = {"organization_id": access.organization_id, "subject_id": access.id}
    await record(tx, principal, "asset.tag", **asset, **changes)  # type: ignore[arg-type]


def _wire_tag(row: asyncpg.Record) -> AssetTag:
    tag = Tag(row["tag_id"], row["name"], row["slug"])
    return AssetTag(row["id"], row["asset_id"], tag.id, tag, row["person_id"], row["created_on"])
