"""`GET /user`, which every client sends first. It is answered before Litestar's router, without the database.

Litestar's router has the same route, so that it is in the OpenAPI document. Both call the same function.
"""

import msgspec

from hallmarket.server.http.authorization import require_token
from hallmarket.server.http.edge import FastHandler
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.identity.profile import get_me

ME_PATH = "/user"
ME_SCOPE = "users:read"
PRIVATE = ((b"cache-control", b"private, no-store"),)


def find_fast_handler(method: str, path: str) -> tuple[str, FastHandler] | None:
    """Return the route and handler of a request that is answered here."""
    return (ME_PATH, _answer_me) if path == ME_PATH and method in ("GET", "HEAD") else None


async def _answer_me(context: RequestContext) -> Reply:
    require_token(context, ME_SCOPE)
    return Reply(200, msgspec.json.encode(Data(get_me(context.principal))), PRIVATE)
