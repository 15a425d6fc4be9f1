"""`/posts`, `/comments` and what converts between their forms: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.delete import DELETE_QUERY, read_delete_options
from hallmarket.server.catalog.types import DeleteResult
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.http.examples import ID
from hallmarket.server.http.exchange import MAX_ITEMS, Data, Paged, read_id, read_window, window_query
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.posts.convert_markdown import convert_markdown
from hallmarket.server.posts.create import create_comment, create_post
from hallmarket.server.posts.delete import delete_post
from hallmarket.server.posts.embedded_assets import AssetEmbedders
from hallmarket.server.posts.get import get_post, list_comments
from hallmarket.server.posts.types import (
    Conversion,
    Converted,
    CreateComment,
    CreatePost,
    UpdateComment,
    UpdatePost,
    WirePost,
)
from hallmarket.server.posts.update import update_comment, update_post

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
POST, COMMENT = "/posts/{post_id:str}", "/comments/{comment_id:str}"
NEW_POST = {
    "raises": (NotFound,),
    "example": {"post": {"name": "Harbour at dawn"}, "content": "We **measured** it, {@jane}."},
}
NEW_COMMENT = {"raises": (NotFound,), "example": {"comment": {"parent_id": ID}, "content": "Well *seen*."}}


def posts_routes(database: Database, embedders: AssetEmbedders) -> Sequence[HTTPRouteHandler]:
    """The routes of posts, of comments, and of their markdown; `embedders` make what is written within posts."""
    return [*_post_routes(database, embedders), *_comment_routes(database), *_convert_routes(database)]


def _post_routes(database: Database, embedders: AssetEmbedders) -> Sequence[HTTPRouteHandler]:
    @post("/posts/create", opt=WRITE | NEW_POST, status_code=200, summary="Publish a post")
    async def create(request: AnyRequest, data: JSONBody[CreatePost]) -> Data[WirePost]:
        return Data(await create_post(database, embedders, principal_of(request.scope), data))

    @get(POST, opt=READ, summary="One post, with what it says if you may read it")
    async def get_one(request: AnyRequest, post_id: FromPath[str]) -> Data[WirePost]:
        wanted = read_id(post_id, "post_id")
        async with database.connection() as connection:
            return Data(await get_post(connection, principal_of(request.scope), wanted, "post"))

    @put(
        POST,
        opt=WRITE | {"raises": (Conflict,), "example": {"post": {}, "content": "Measured again."}},
        summary="Change a post",
    )
    async def update(request: AnyRequest, post_id: FromPath[str], data: JSONBody[UpdatePost]) -> Data[WirePost]:
        wanted = read_id(post_id, "post_id")
        return Data(await update_post(database, embedders, principal_of(request.scope), wanted, data))

    @delete(
        POST,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a post or a comment, and what was said of it",
    )
    async def remove(request: AnyRequest, post_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(read_query(context.scope["query_string"]))
        return Data(await delete_post(database, context.principal, read_id(post_id, "post_id"), options))

    return [create, get_one, update, remove]


def _comment_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post("/comments/create", opt=WRITE | NEW_COMMENT, status_code=200, summary="Comment on an asset, or reply")
    async def create(request: AnyRequest, data: JSONBody[CreateComment]) -> Data[WirePost]:
        return Data(await create_comment(database, principal_of(request.scope), data))

    @get(COMMENT, opt=READ, summary="One comment")
    async def get_one(request: AnyRequest, comment_id: FromPath[str]) -> Data[WirePost]:
        wanted = read_id(comment_id, "comment_id")
        async with database.connection() as connection:
            return Data(await get_post(connection, principal_of(request.scope), wanted, "comment"))

    @put(COMMENT, opt=WRITE | {"example": {"content": "Well *seen*, both."}}, summary="Change a comment of yours")
    async def update(request: AnyRequest, comment_id: FromPath[str], data: JSONBody[UpdateComment]) -> Data[WirePost]:
        wanted = read_id(comment_id, "comment_id")
        return Data(await update_comment(database, principal_of(request.scope), wanted, data))

    @get(
        "/assets/{asset_id:str}/comments",
        opt=READ | {"query": window_query(MAX_ITEMS)},
        summary="What was said of an asset, or in reply to a comment, oldest first",
    )
    async def list_all(request: AnyRequest, asset_id: FromPath[str]) -> Paged[WirePost]:
        context = request_context(request.scope)
        window = read_window(read_query(context.scope["query_string"]), MAX_ITEMS)
        return await list_comments(database, context.principal, read_id(asset_id, "asset_id"), window)

    return [create, get_one, update, list_all]


def _convert_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post(
        "/utilities/convert/from-markdown",
        opt=WRITE | {"example": {"markdown": "We **measured** it."}},
        status_code=200,
        summary="The document of a markdown",
    )
    async def from_markdown(data: JSONBody[Conversion]) -> Converted:
        return await convert_markdown(database, data)

    return [from_markdown]
