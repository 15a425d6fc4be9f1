"""The Litestar application behind the edge: routes, scopes, and errors in our dialects instead of Litestar's."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import structlog
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler, route

from hallmarket.server.errors import DomainError, InvalidRequest, MethodNotAllowed, NotFound, Unavailable
from hallmarket.server.http.authorization import require_api_key, require_token
from hallmarket.server.http.body import ClientDisconnected
from hallmarket.server.http.dialects import error_reply, internal_error_reply
from hallmarket.server.http.docs import documentation_routes
from hallmarket.server.http.idempotency_key import Replay
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.media_dialect import is_media_path
from hallmarket.server.http.openapi import openapi_config
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import request_context
from hallmarket.server.room import Room

log = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]
UNSTORABLE_VALUE_ERRORS = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.DatetimeFieldOverflowError,
)
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def make_litestar_app(routes: Sequence[HTTPRouteHandler], lifespan: Lifespan, rooms: Sequence[Room]) -> Litestar:
    """Make the application. `lifespan` runs while the server does."""
    handlers = [*routes, *documentation_routes(rooms)]
    return Litestar(
        route_handlers=[*_options_routes(handlers), *handlers],
        guards=[_require_scope],
        request_max_body_size=None,  # bodies are limited as they are read
        lifespan=[lifespan],
        openapi_config=openapi_config(),
        logging_config=None,
        exception_handlers={Exception: _handle_error},
    )


def _options_routes(handlers: Sequence[HTTPRouteHandler]) -> Sequence[HTTPRouteHandler]:
    """Return an OPTIONS route for every path. Litestar's own names only the methods of the path's first handler."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, {"OPTIONS"}).update(handler.http_methods)
    return [_options_route(path, _with_head(", ".join(allowed))) for path, allowed in methods.items()]


def _with_head(methods: str) -> str:
    """Add HEAD to a list of methods that has GET, because the edge answers HEAD for every GET."""
    names = set(methods.replace(",", " ").split())
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))


def _options_route(path: str, allow: str) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS, status_code=204, include_in_schema=False, sync_to_thread=False)
    def options() -> Response[None]:
        return Response(None, status_code=204, headers={"allow": allow})

    return options


async def _require_scope(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Reject callers whose key lacks the route's scope. Async, because Litestar runs sync guards in a thread."""
    if (scope := handler.opt.get("scope")) is not None:
        context = request_context(connection.scope)
        (require_api_key if is_media_path(context.path) else require_token)(context, scope)


def _handle_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    return to_litestar_response(error.reply if isinstance(error, Replay) else _as_reply(request, error))


def _as_reply(request: AnyRequest, error: Exception) -> Reply:
    path = request.scope["path"]
    if isinstance(error, ClientDisconnected):
        raise error
    if isinstance(error, DomainError):
        return error_reply(path, error)
    if isinstance(error, NotFoundException):
        return error_reply(path, NotFound("There is nothing at this path."))
    if isinstance(error, MethodNotAllowedException):
        return error_reply(path, MethodNotAllowed(_with_head((error.headers or {}).get("allow", ""))))
    if isinstance(error, ValidationException):
        return error_reply(path, _describe(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error_reply(path, InvalidRequest(error.detail))
    if isinstance(error, RecursionError):  # of the JSON decoder; no other recursion depends on the request
        return error_reply(path, InvalidRequest("The body is nested too deeply.", "body"))
    if isinstance(error, asyncpg.DeadlockDetectedError):  # PostgreSQL rolled this transaction back
        return error_reply(path, Unavailable("Another request changed the same data at the same time. Try again."))
    if is_unstorable_value(error):
        return error_reply(path, InvalidRequest("A text contains NUL, or a number is out of bounds."))
    log.error("request failed", method=request.method, path=request_context(request.scope).shown_path, exc_info=error)
    return internal_error_reply(path)


def is_unstorable_value(error: Exception) -> bool:
    """Return whether the database cannot store a value of the request, such as a text with NUL or a huge number.

    Other errors of a statement are our own, among them an argument of the wrong type, which asyncpg also reports as a
    DataError.
    """
    return isinstance(error, UNSTORABLE_VALUE_ERRORS) or (
        type(error) is asyncpg.DataError and isinstance(error.__cause__, OverflowError | UnicodeEncodeError)
    )


def _describe(error: ValidationException) -> InvalidRequest:
    """Return the error of an invalid body or parameter, with the name of the field."""
    first: Any = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field, message = str(first.get("key") or "body"), str(first.get("message") or error.detail)
    return InvalidRequest(f"{field}: {message}", field)
