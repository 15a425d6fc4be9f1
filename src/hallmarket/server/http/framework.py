"""The framework inside the edge: Litestar with our errors instead of its own."""

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
from hallmarket.server.http.admission import require_caller, require_token
from hallmarket.server.http.body import ClientGone
from hallmarket.server.http.docs import documentation_routes
from hallmarket.server.http.idempotency import Replay
from hallmarket.server.http.openapi import openapi_config
from hallmarket.server.http.reply import Reply, crash_reply, error_reply, in_media_dialect, with_head
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.room import Room

log = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]
BEYOND_DATABASE = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.DatetimeFieldOverflowError,
)
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def make_framework(routes: Sequence[HTTPRouteHandler], lifespan: Lifespan, rooms: Sequence[Room]) -> Litestar:
    """A Litestar application of these routes; every error is a dialect's, `lifespan` opens and closes the house."""
    handlers = [*routes, *documentation_routes(rooms)]
    return Litestar(
        route_handlers=[*_options_routes(handlers), *handlers],
        guards=[_require_scope],
        request_max_body_size=None,  # bodies are bounded as they are read
        lifespan=[lifespan],
        openapi_config=openapi_config(),
        logging_config=None,
        exception_handlers={Exception: _answer_error},
    )


def _options_routes(handlers: Sequence[HTTPRouteHandler]) -> Sequence[HTTPRouteHandler]:
    """OPTIONS of every path; Litestar's own would name the methods of a path's first handler only."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, {"OPTIONS"}).update(handler.http_methods)
    return [_options_route(path, with_head(", ".join(allowed))) for path, allowed in methods.items()]


def _options_route(path: str, allow: str) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS, status_code=204, include_in_schema=False, sync_to_thread=False)
    def options() -> Response[None]:
        return Response(None, status_code=204, headers={"allow": allow})

    return options


async def _require_scope(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Let only those in whose key has the scope that the route is declared with.

    Asynchronous, for the framework would run it in a thread otherwise, at every request.
    """
    if (scope := handler.opt.get("scope")) is not None:
        context = request_context(connection.scope)
        (require_caller if in_media_dialect(context.path) else require_token)(context, scope)


def _answer_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    return as_response(error.reply if isinstance(error, Replay) else _as_reply(request, error))


def _as_reply(request: AnyRequest, error: Exception) -> Reply:
    path = request.scope["path"]
    if isinstance(error, ClientGone):
        raise error
    if isinstance(error, DomainError):
        return error_reply(path, error)
    if isinstance(error, NotFoundException):
        return error_reply(path, NotFound("There is nothing at this path."))
    if isinstance(error, MethodNotAllowedException):
        return error_reply(path, MethodNotAllowed(with_head((error.headers or {}).get("allow", ""))))
    if isinstance(error, ValidationException):
        return error_reply(path, _describe(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error_reply(path, InvalidRequest(error.detail))
    if isinstance(error, RecursionError):  # of the JSON decoder, the only one here that goes as deep as a caller says
        return error_reply(path, InvalidRequest("The body is nested too deeply.", "body"))
    if isinstance(error, asyncpg.DeadlockDetectedError):  # rolled back, so that another request can go on
        return error_reply(path, Unavailable("Somebody else changed the same at this moment. Try again."))
    if is_beyond_database(error):
        return error_reply(path, InvalidRequest("A text holds NUL, or a number is out of bounds."))
    log.error("request failed", method=request.method, path=request_context(request.scope).shown_path, exc_info=error)
    return crash_reply(path)


def is_beyond_database(error: Exception) -> bool:
    """Whether the database holds no such value, as a text with NUL or too large a number: the caller's, not ours.

    The transaction is rolled back. An argument of another type than its query's is no such error, though asyncpg calls
    both DataError before it sends anything; nor is whatever else a statement of ours may come to.
    """
    return isinstance(error, BEYOND_DATABASE) or (
        type(error) is asyncpg.DataError and isinstance(error.__cause__, OverflowError | UnicodeEncodeError)
    )


def _describe(error: ValidationException) -> InvalidRequest:
    """What is wrong with a body or a parameter, and where."""
    first: Any = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field, message = str(first.get("key") or "body"), str(first.get("message") or error.detail)
    return InvalidRequest(f"{field}: {message}", field)
