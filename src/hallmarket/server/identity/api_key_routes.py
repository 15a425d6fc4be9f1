"""HTTP routes of the caller's own API keys: `/user/api-keys`."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_flag, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.user_api_keys import (
    KeyRequest,
    NewOwnKey,
    OwnKey,
    create_own_key,
    list_own_keys,
    revoke_own_key,
)

AnyRequest = Request[Any, Any, Any]
PATH = "/user/api-keys"
ACTIVE = {"type": "boolean", "description": "true: only valid keys; false: only expired and revoked ones."}
LIST = {"scope": "keys:read", "query": {"active": ACTIVE, **window_query()}}
CREATE = {
    "scope": "keys:write",
    "raises": (NotFound, Conflict),
    "example": {"name": "laptop", "scopes": ["users:read"]},
}
REVOKE = {"scope": "keys:write"}


def api_key_routes(
    database: Database, authenticator: ApiKeyAuthenticator, secret: bytes, scopes: Sequence[str]
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of the caller's API keys. `secret` keys their hashes; `scopes` are all that exist."""

    @get(PATH, opt=LIST, summary="List your API keys, newest first")
    async def list_keys(request: AnyRequest) -> Paged[OwnKey]:
        query = parse_query(request.scope["query_string"])
        active, window = read_flag(query, "active"), read_window(query)
        return paged(await list_own_keys(database, principal_of(request.scope), active, window))

    @post(PATH, opt=CREATE, status_code=200, summary="Create an API key, which is shown only once")
    async def create_key(request: AnyRequest, data: JSONBody[KeyRequest]) -> Data[NewOwnKey]:
        return Data(await create_own_key(database, secret, principal_of(request.scope), data, scopes))

    @delete(PATH + "/{key_id:str}", opt=REVOKE, status_code=200, summary="Revoke one of your API keys")
    async def revoke_key(request: AnyRequest, key_id: FromPath[str]) -> Data[OwnKey]:
        revoked = await revoke_own_key(database, principal_of(request.scope), read_id(key_id, "key_id"))
        authenticator.clear_cache()  # the database notifies the other processes
        return Data(revoked)

    return [list_keys, create_key, revoke_key]
