"""Who you are, `GET /user`: asked at the start of every program, and answered from what is remembered of its key.

It stands in front of the framework's router, which knows it too, and answers by the same function.
"""

import msgspec

from hallmarket.server.http.authorization import require_token
from hallmarket.server.http.edge import FastHandler
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.identity.types import Me

ME_PATH = "/user"
ME_SCOPE = "users:read"
PRIVATE = ((b"cache-control", b"private, no-store"),)


def find_fast_handler(method: str, path: str) -> tuple[str, FastHandler] | None:
    """The route and handler of a request that is answered here."""
    return (ME_PATH, _answer_me) if path == ME_PATH and method in ("GET", "HEAD") else None


def get_me(context: RequestContext) -> Data[Me]:
    """The person behind a request's token."""
    person = context.principal.person
    assert person is not None  # the route's scope requires a token
    return Data(Me(person.id, person.id, person.username, person.name, person.email))


async def _answer_me(context: RequestContext) -> Reply:
    require_token(context, ME_SCOPE)
    return Reply(200, msgspec.json.encode(get_me(context)), PRIVATE)
