"""Write a post, or a comment on any asset."""

from uuid import UUID

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.connections import set_connections
from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.types import READ, Access, AssetFields
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.posts.embedded_assets import AssetEmbedders, create_embedded_assets, prepare_embedded_assets
from hallmarket.server.posts.get import get_post
from hallmarket.server.posts.save_content import make_preview, notify_readers, save_content
from hallmarket.server.posts.types import CreateComment, CreatePost, NewComment, WirePost
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.read_content import read_content, read_post

MAX_COMMENT_CHARACTERS = 20_000


async def create_post(
    database: Database, embedders: AssetEmbedders, principal: Principal, wanted: CreatePost
) -> WirePost:
    """Publish a post, with the assets that are written within it; whom it mentions is told.

    Raises as `create_asset` does, and InvalidRequest for its content.
    """
    fields = await check_description(wanted.post)
    content, parts = await read_post(wanted.content)
    async with prepare_embedded_assets(embedders, principal, parts) as ready, database.transaction() as tx:
        post_id = await create_asset(tx, principal, "post", fields, preview=make_preview(content), body=content.text)
        content = await create_embedded_assets(tx, principal, post_id, content, ready)
        await save_content(tx, principal, await get_access(tx, principal, post_id, READ), content)
        return await get_post(tx, principal, post_id)


async def create_comment(database: Database, principal: Principal, wanted: CreateComment) -> WirePost:
    """Comment on an asset that the caller may read, or reply to a comment; those concerned are told.

    Raises NotFound, Locked, InvalidRequest for a reply to a reply, or for the content.
    """
    content = await read_content(wanted.content, MAX_COMMENT_CHARACTERS)
    async with database.transaction() as tx:
        parent = await get_access(tx, principal, wanted.comment.parent_id, READ)
        root = await _find_root(tx, principal, parent)
        fields = _fields(wanted.comment)
        asset_id = await create_asset(tx, principal, "comment", fields, body=content.text, parent_role=READ)
        comment = await get_access(tx, principal, asset_id, READ)
        await set_connections(tx, "comment", asset_id, [parent.id], principal.person_id)
        told = await _notify_authors(tx, principal, comment, parent, root)
        await save_content(tx, principal, comment, content, told)
        return await get_post(tx, principal, asset_id)


async def _find_root(tx: Connection, principal: Principal, parent: Access) -> Access:
    """The asset that everything is said of: the parent, or its parent where that is a comment itself."""
    if parent.asset_type != "comment" or parent.parent_id is None:
        return parent
    root = await get_access(tx, principal, parent.parent_id, READ)
    if root.asset_type == "comment":
        raise InvalidRequest("This is a reply; reply to the comment it replies to.", "comment.parent_id")
    return root


def _fields(comment: NewComment) -> AssetFields:
    """A comment's organization, team and visibility are its parent's, whatever its author says."""
    return AssetFields(
        parent_id=comment.parent_id,
        license_id=comment.license_id,
        license_text=comment.license_text,
        attribution=comment.attribution,
        source=comment.source,
    )


async def _notify_authors(
    tx: Connection, principal: Principal, comment: Access, parent: Access, root: Access
) -> set[UUID]:
    """Tell the author of the comment that is replied to, and the owner of the asset, each of them once."""
    told: set[UUID] = set()
    if parent is not root:
        told.add(parent.owner_id)
        await notify_readers(tx, principal, "reply", told, comment, "replied to your comment")
    if root.owner_id not in told:
        called = root.name or f"your {root.asset_type}"
        await notify_readers(tx, principal, "comment", [root.owner_id], comment, f"commented on {called}")
    return told | {root.owner_id}
