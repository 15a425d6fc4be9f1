"""The framework inside the edge: Litestar with our errors instead of its own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
)
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.errors import DomainError, InvalidRequest, MethodNotAllowed, NotFound
from hallmarket.server.http.body import ClientGone
from hallmarket.server.http.reply import Reply, crash_reply, error_reply

log = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def make_framework(routes: Sequence[HTTPRouteHandler], lifespan: Lifespan) -> Litestar:
    """A Litestar application of these routes; every error is a dialect's, `lifespan` opens and closes the house."""
    return Litestar(
        route_handlers=list(routes),
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        exception_handlers={Exception: _answer_error},
    )


def _answer_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    return _response(_as_reply(request, error))


def _as_reply(request: AnyRequest, error: Exception) -> Reply:
    path = request.scope["path"]
    if isinstance(error, ClientGone):
        raise error
    if isinstance(error, DomainError):
        return error_reply(path, error)
    if isinstance(error, NotFoundException):
        return error_reply(path, NotFound("There is nothing at this path."))
    if isinstance(error, MethodNotAllowedException):
        allowed = set((error.headers or {}).get("allow", "").replace(",", " ").split())
        if "GET" in allowed:
            allowed.add("HEAD")  # which the edge answers as a GET without its body
        return error_reply(path, MethodNotAllowed(", ".join(sorted(allowed))))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error_reply(path, InvalidRequest(error.detail))
    log.error("request failed", method=request.method, path=path, exc_info=error)
    return crash_reply(path)


def _response(reply: Reply) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type.decode(), headers=headers)
