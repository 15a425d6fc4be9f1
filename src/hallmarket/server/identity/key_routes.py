"""`/user/api-keys`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.http.exchange_dialect import Data, Paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_flag, read_id
from hallmarket.server.http.request_context import request_context
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.own_keys import (
    KeyRequest,
    NewOwnKey,
    OwnKey,
    create_own_key,
    list_own_keys,
    revoke_own_key,
)

AnyRequest = Request[Any, Any, Any]
PATH = "/user/api-keys"
ACTIVE = {"type": "boolean", "description": "Only those that are good, or only those that are not."}
LIST = {"scope": "keys:read", "query": {"active": ACTIVE, **window_query()}}
MADE = {"name": "laptop", "scopes": ["users:read"]}
CREATE = {"scope": "keys:write", "raises": (NotFound, Conflict), "example": MADE}
REVOKE = {"scope": "keys:write"}


def key_routes(
    database: Database, authenticator: ApiKeyAuthenticator, secret: bytes, scopes: Sequence[str]
) -> Sequence[HTTPRouteHandler]:
    """The routes of one's own keys; `secret` keys their hashes, `scopes` are all there are."""

    @get(PATH, opt=LIST, summary="List your API keys, newest first")
    async def list_keys(request: AnyRequest) -> Paged[OwnKey]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        return await list_own_keys(database, context.principal, read_flag(query, "active"), read_window(query))

    @post(PATH, opt=CREATE, status_code=200, summary="Make an API key, shown this once")
    async def create_key(request: AnyRequest, data: JSONBody[KeyRequest]) -> Data[NewOwnKey]:
        context = request_context(request.scope)
        return Data(await create_own_key(database, secret, context.principal, data, scopes))

    @delete(PATH + "/{key_id:str}", opt=REVOKE, status_code=200, summary="Revoke one of your API keys")
    async def revoke_key(request: AnyRequest, key_id: FromPath[str]) -> Data[OwnKey]:
        context = request_context(request.scope)
        revoked = await revoke_own_key(database, context.principal, read_id(key_id, "key_id"))
        authenticator.forget()  # here at once; the other servers hear of it from the database
        return Data(revoked)

    return [list_keys, create_key, revoke_key]
