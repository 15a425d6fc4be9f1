"""Create a post, or a comment on any asset."""

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
from hallmarket.server.posts.notify_readers import notify_readers
from hallmarket.server.posts.save_content import make_preview, save_content
from hallmarket.server.posts.types import CreateComment, CreatePost, NewComment, WirePost
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.read_content import read_content, read_post

MAX_COMMENT_CHARACTERS = 20_000


async def create_post(
    database: Database, embedders: AssetEmbedders, principal: Principal, request: CreatePost
) -> WirePost:
    """Create a post with its embedded assets, and notify the people that it mentions.

    Raises as `create_asset`, and InvalidRequest for its content.
    """
    fields = await check_description(request.post)
    content, embedded = await read_post(request.content)
    async with (
        prepare_embedded_assets(embedders, principal, embedded) as prepared,
        database.transaction() as tx,
    ):
        post_id = await create_asset(tx, principal, "post", fields, preview=make_preview(content), body=content.text)
        content = await create_embedded_assets(tx, principal, post_id, content, prepared)
        await save_content(tx, principal, await get_access(tx, principal, post_id, READ), content)
        return await get_post(tx, principal, post_id)


async def create_comment(database: Database, principal: Principal, request: CreateComment) -> WirePost:
    """Comment on an asset that the principal may read, or reply to a comment, and notify the people concerned.

    Raises NotFound, Locked, InvalidRequest for a reply to a reply or for its content.
    """
    content = await read_content(request.content, MAX_COMMENT_CHARACTERS)
    async with database.transaction() as tx:
        parent = await get_access(tx, principal, request.comment.parent_id, READ)
        root = await _get_root(tx, principal, parent)
        fields = _asset_fields(request.comment)
        comment_id = await create_asset(tx, principal, "comment", fields, body=content.text, parent_role=READ)
        comment = await get_access(tx, principal, comment_id, READ)
        await set_connections(tx, "comment", comment_id, [parent.id], principal.person_id)
        notified = await _notify_owners(tx, principal, comment, parent, root)
        await save_content(tx, principal, comment, content, notified)
        return await get_post(tx, principal, comment_id)


async def _get_root(tx: Connection, principal: Principal, parent: Access) -> Access:
    """Return the asset that a comment is about: its parent, or the parent's parent for a reply."""
    if parent.asset_type != "comment" or parent.parent_id is None:
        return parent
    root = await get_access(tx, principal, parent.parent_id, READ)
    if root.asset_type == "comment":
        raise InvalidRequest("This comment is a reply; reply to the comment that it replies to.", "comment.parent_id")
    return root


def _asset_fields(comment: NewComment) -> AssetFields:
    """Return a comment's asset fields. Its organization, team and visibility are always its parent's."""
    return AssetFields(
        parent_id=comment.parent_id,
        license_id=comment.license_id,
        license_text=comment.license_text,
        attribution=comment.attribution,
        source=comment.source,
    )


async def _notify_owners(
    tx: Connection, principal: Principal, comment: Access, parent: Access, root: Access
) -> set[UUID]:
    """Notify the author of the comment that is replied to, and the owner of the asset, each once."""
    notified: set[UUID] = set()
    if parent is not root:
        notified.add(parent.owner_id)
        await notify_readers(tx, principal, "reply", notified, comment, "replied to your comment")
    if root.owner_id not in notified:
        title = root.name or f"your {root.asset_type}"
        await notify_readers(tx, principal, "comment", [root.owner_id], comment, f"commented on {title}")
    return notified | {root.owner_id}
