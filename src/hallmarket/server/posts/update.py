"""Update a post or a comment."""

from uuid import UUID

from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.types import WRITE, AssetFields
from hallmarket.server.catalog.update import set_asset_details, update_asset
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Forbidden
from hallmarket.server.posts.create import MAX_COMMENT_CHARACTERS
from hallmarket.server.posts.embedded_assets import AssetEmbedders, create_embedded_assets, prepare_embedded_assets
from hallmarket.server.posts.get import get_post
from hallmarket.server.posts.save_content import make_preview, save_content
from hallmarket.server.posts.types import UpdateComment, UpdatePost, WirePost
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.read_content import read_content, read_post


async def update_post(
    database: Database, embedders: AssetEmbedders, principal: Principal, post_id: UUID, request: UpdatePost
) -> WirePost:
    """Update a post's fields, and its content if the request has any; notify newly mentioned people.

    Raises NotFound, Locked, Forbidden, InvalidRequest, and as `create_asset` for embedded assets.
    """
    fields = await check_description(request.post)
    content, embedded = (None, []) if request.content is None else await read_post(request.content)
    async with (
        prepare_embedded_assets(embedders, principal, embedded) as prepared,
        database.transaction() as tx,
    ):
        access = await lock_access(tx, principal, post_id, WRITE, "post")
        await update_asset(tx, principal, access, fields)
        if content is not None:
            content = await create_embedded_assets(tx, principal, post_id, content, prepared)
            await set_asset_details(tx, post_id, preview=make_preview(content), body=content.text)
            await save_content(tx, principal, access, content)
        return await get_post(tx, principal, post_id)


async def update_comment(
    database: Database, principal: Principal, comment_id: UUID, request: UpdateComment
) -> WirePost:
    """Update a comment of the principal's own. Raises NotFound, Locked, Forbidden, InvalidRequest."""
    content = None if request.content is None else await read_content(request.content, MAX_COMMENT_CHARACTERS)
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, comment_id, WRITE, "comment")
        if access.owner_id != principal.person_id:
            raise Forbidden("Only the author may change a comment.")
        comment = request.comment
        fields = AssetFields(
            license_id=comment.license_id, license_text=comment.license_text, attribution=comment.attribution
        )
        await update_asset(tx, principal, access, fields)
        if content is not None:
            await set_asset_details(tx, comment_id, body=content.text)
            await save_content(tx, principal, access, content)
        return await get_post(tx, principal, comment_id)
