"""HTTP routes of posts, comments and the conversion of Markdown."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.delete import DELETE_QUERY, read_delete_options
from hallmarket.server.catalog.types import DeleteResult
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.parameters import parse_query, read_id
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
    """Return the routes of posts, comments and Markdown. `embedders` create the assets embedded in posts."""
    return [*_post_routes(database, embedders), *_comment_routes(database), *_convert_routes(database)]


def _post_routes(database: Database, embedders: AssetEmbedders) -> Sequence[HTTPRouteHandler]:
    @post("/posts/create", opt=WRITE | NEW_POST, status_code=200, summary="Create a post")
    async def create(request: AnyRequest, data: JSONBody[CreatePost]) -> Data[WirePost]:
        return Data(await create_post(database, embedders, principal_of(request.scope), data))

    @get(POST, opt=READ, summary="Get a post, with its content if you may read it")
    async def get_one(request: AnyRequest, post_id: FromPath[str]) -> Data[WirePost]:
        requested_id = read_id(post_id, "post_id")
        async with database.connection() as connection:
            return Data(await get_post(connection, principal_of(request.scope), requested_id, "post"))

    @put(
        POST,
        opt=WRITE | {"raises": (Conflict,), "example": {"post": {}, "content": "Measured again."}},
        summary="Update a post",
    )
    async def update(request: AnyRequest, post_id: FromPath[str], data: JSONBody[UpdatePost]) -> Data[WirePost]:
        requested_id = read_id(post_id, "post_id")
        return Data(await update_post(database, embedders, principal_of(request.scope), requested_id, data))

    @delete(
        POST,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a post or comment, with its comments",
    )
    async def remove(request: AnyRequest, post_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(parse_query(context.scope["query_string"]))
        return Data(await delete_post(database, context.principal, read_id(post_id, "post_id"), options))

    return [create, get_one, update, remove]


def _comment_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post(
        "/comments/create",
        opt=WRITE | NEW_COMMENT,
        status_code=200,
        summary="Comment on an asset, or reply to a comment",
    )
    async def create(request: AnyRequest, data: JSONBody[CreateComment]) -> Data[WirePost]:
        return Data(await create_comment(database, principal_of(request.scope), data))

    @get(COMMENT, opt=READ, summary="Get a comment")
    async def get_one(request: AnyRequest, comment_id: FromPath[str]) -> Data[WirePost]:
        requested_id = read_id(comment_id, "comment_id")
        async with database.connection() as connection:
            return Data(await get_post(connection, principal_of(request.scope), requested_id, "comment"))

    @put(COMMENT, opt=WRITE | {"example": {"content": "Well *seen*, both."}}, summary="Update your comment")
    async def update(request: AnyRequest, comment_id: FromPath[str], data: JSONBody[UpdateComment]) -> Data[WirePost]:
        requested_id = read_id(comment_id, "comment_id")
        return Data(await update_comment(database, principal_of(request.scope), requested_id, data))

    @get(
        "/assets/{asset_id:str}/comments",
        opt=READ | {"query": window_query(MAX_PAGE_SIZE)},
        summary="List the comments on an asset, or the replies to a comment, oldest first",
    )
    async def list_all(request: AnyRequest, asset_id: FromPath[str]) -> Paged[WirePost]:
        context = request_context(request.scope)
        window = read_window(parse_query(context.scope["query_string"]), MAX_PAGE_SIZE)
        return paged(await list_comments(database, context.principal, read_id(asset_id, "asset_id"), window))

    return [create, get_one, update, list_all]


def _convert_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @post(
        "/utilities/convert/from-markdown",
        opt=WRITE | {"example": {"markdown": "We **measured** it."}},
        status_code=200,
        summary="Convert Markdown to a document",
    )
    async def from_markdown(data: JSONBody[Conversion]) -> Converted:
        return await convert_markdown(database, data)

    return [from_markdown]
