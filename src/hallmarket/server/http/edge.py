"""The outermost ASGI application: request ids, admission, errors in the path's dialect, metrics and the request log.

It answers the busiest routes itself, and passes every other request on to Litestar.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from hallmarket.server.errors import DomainError, InvalidRequest, Unavailable
from hallmarket.server.http.admission import Admission
from hallmarket.server.http.body import CLIENT_CLOSED_REQUEST, ClientDisconnected, decompressing_receive
from hallmarket.server.http.dialects import error_reply, internal_error_reply
from hallmarket.server.http.idempotency_key import Replay
from hallmarket.server.http.logging import request_id
from hallmarket.server.http.media_dialect import is_media_path
from hallmarket.server.http.metrics import REQUEST_METRICS
from hallmarket.server.http.reply import Headers, Reply, apply_if_none_match
from hallmarket.server.http.request_context import SCOPE_KEY, RequestContext

FastHandler = Callable[[RequestContext], Awaitable[Reply]]


class FastPath(NamedTuple):
    """Routes that a room answers before Litestar's router.

    `find` returns the route and handler of a method and path. `find_ready` returns the route and the reply of a GET of
    a URL, if the reply needs no waiting.
    """

    find: Callable[[str, str], tuple[str, FastHandler] | None]
    find_ready: Callable[[bytes], tuple[str, Reply] | None] | None = None


REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SLASHES = re.compile("/{2,}")
HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")

log = structlog.get_logger()


class Edge:
    """The ASGI application that the web server runs.

    `app` answers the requests for which `find_fast_handler` finds no handler. `find_ready` returns the route and the
    reply of a GET of a URL, if the reply needs neither waiting nor a credential; it finds nothing if counting the
    request needs waiting.
    """

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        find_ready: Callable[[bytes], tuple[str, Reply] | None],
        find_fast_handler: Callable[[str, str], tuple[str, FastHandler] | None],
        log_request: Callable[[RequestContext, float], None] | None,
    ) -> None:
        self._app = app
        self._admission = admission
        self.find_ready = find_ready if admission.counts_in_memory else _find_none
        self._find_fast = find_fast_handler
        self._log_request = log_request
        self._ids = map((os.urandom(6).hex() + "-%x").__mod__, count(1))

    def answer_ready(self, scope: HTTPScope, route: str, reply: Reply) -> tuple[Reply, Headers]:
        """Answer a GET whose reply was found ready: do what `__call__` does, without waiting.

        Returns the reply to send, and the headers to add to it.
        """
        context = self._make_context(scope, _receive_nothing, _send_nothing)
        context.route = route
        try:
            self._admission.admit_cached(context)
            _verify_host(context)
            reply = apply_if_none_match(reply, context.headers.get(b"if-none-match"))
        except DomainError as error:
            reply = error_reply(context.path, error)
        context.status = reply.status
        self._record(context)
        return reply, context.extra_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass a lifespan event on to `app`."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if "//" in scope["path"]:
            scope["path"] = SLASHES.sub("/", scope["path"])
        context = self._make_context(scope, receive, send)
        request_id.set(context.request_id)
        try:
            reply = await self._answer(context)
            if reply is not None:
                await self._send(context, reply)
        except ClientDisconnected:
            context.status = CLIENT_CLOSED_REQUEST
        finally:
            self._record(context)

    def _record(self, context: RequestContext) -> None:
        seconds = perf_counter() - context.started
        REQUEST_METRICS.observe(context.route, context.method, context.status, seconds)
        if self._log_request is not None:
            self._log_request(context, seconds)

    def _make_context(self, scope: HTTPScope, receive: Receive, send: Send) -> RequestContext:
        client = scope["client"]
        context = RequestContext(scope, receive, send, "", client[0] if client else "unix")
        given = context.headers.get(b"x-request-id")
        context.request_id = given.decode() if given and REQUEST_ID.fullmatch(given) else next(self._ids)
        context.extra_headers = [(b"x-request-id", context.request_id.encode())]
        return context

    async def _answer(self, context: RequestContext) -> Reply | None:
        try:
            if not self._admission.admit_cached(context):
                await self._admission.admit(context)
            _verify_host(context)
            if (fast := self._find_fast(context.method, context.path)) is not None:
                context.route, handler = fast
                return await handler(context)
            await self._call_app(context)
        except DomainError as error:
            return error_reply(context.path, error)
        except Replay as replay:
            return replay.reply
        except ClientDisconnected:
            raise
        except asyncio.CancelledError:
            # The server is stopping, and the time for open requests is over. A response that has begun is cut off.
            if context.status:
                return None
            return error_reply(context.path, Unavailable("The server is stopping. Try again."))
        except Exception:
            log.exception("request failed", method=context.method, path=context.shown_path)
            if context.status:
                raise  # The response has begun, so all that is left is to close the connection.
            return internal_error_reply(context.path)
        return None

    async def _call_app(self, context: RequestContext) -> None:
        """Let Litestar answer, and add the extra headers to its response."""
        head = context.method == "HEAD"
        # Litestar answers a HEAD as a GET, and `send` removes the body. The web server's own scope stays a HEAD.
        scope: Any = {**context.scope, "method": "GET" if head else context.method, SCOPE_KEY: context}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message["headers"] = headers = [*message["headers"], *context.extra_headers]
                if context.authenticated is not None and not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"private, no-store"))  # the response is for this caller only
            elif message["type"] == "http.response.body" and head:
                message["body"] = b""
            await context.send(message)

        try:
            await self._app(
                scope, context.receive if is_media_path(context.path) else decompressing_receive(context), send
            )
        finally:
            context.route = str(scope.get("path_template", "unmatched"))

    async def _send(self, context: RequestContext, reply: Reply) -> None:
        context.status = reply.status
        await context.send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", reply.content_type),
                    (b"content-length", b"%d" % len(reply.body)),
                    *reply.headers,
                    *context.extra_headers,
                ],
            }
        )
        body = b"" if context.method == "HEAD" else reply.body
        await context.send({"type": "http.response.body", "body": body, "more_body": False})


def _find_none(_url: bytes) -> None:
    return None


async def _receive_nothing() -> Any:
    raise AssertionError("a request with a ready reply has no body")


async def _send_nothing(_message: Message) -> None:
    raise AssertionError("the protocol sends a ready reply")


@lru_cache(256)
def _is_valid_host(text: bytes) -> bool:
    return HOST.fullmatch(text) is not None


def _verify_host(context: RequestContext) -> None:
    """Raises InvalidRequest unless there is exactly one valid Host (RFC 9112, 3.2). HTTP/1.0 may omit it."""
    host = context.headers.get(b"host")
    if host is None and context.scope["http_version"] == "1.0":
        return
    if host is None or not _is_valid_host(host):
        raise InvalidRequest("Host is missing, malformed or repeated.", "host")
