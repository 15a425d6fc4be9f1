"""The outermost layer: every request gets an id, a place in the counts, an answer in its dialect, a line in the log.

The busiest routes are answered here, before the framework's router, and what `find_ready` has ready before there is a
task for the request; the rest of the house does the rest.
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
from hallmarket.server.http.body import CLIENT_GONE, ClientGone, unpacking
from hallmarket.server.http.idempotency import Replay
from hallmarket.server.http.logging import request_id
from hallmarket.server.http.metrics import REQUEST_FIGURES
from hallmarket.server.http.reply import (
    Headers,
    Reply,
    crash_reply,
    error_reply,
    in_media_dialect,
    unless_known,
)
from hallmarket.server.http.request_context import KEY, RequestContext

FastHandler = Callable[[RequestContext], Awaitable[Reply]]


class FastPath(NamedTuple):
    """Routes that a room answers before the framework's router.

    `find` returns a request's route and handler by method and path. `find_ready` returns the route and the reply of a
    GET of a URL, where that takes no waiting.
    """

    find: Callable[[str, str], tuple[str, FastHandler] | None]
    find_ready: Callable[[bytes], tuple[str, Reply] | None] | None = None


REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SLASHES = re.compile("/{2,}")
HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")

log = structlog.get_logger()


class Edge:
    """The ASGI application the server runs: `app` inside, `find_fast_handler` for the routes that go around its router.

    `find_ready` returns the route and the answer of a GET of a URL if that takes no waiting; such a route needs no key.
    It finds nothing where counting takes waiting.
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
        self.find_ready = find_ready if admission.counts_now else _find_nothing
        self._find_fast = find_fast_handler
        self._log_request = log_request
        self._ids = map((os.urandom(6).hex() + "-%x").__mod__, count(1))

    def answer_now(self, scope: HTTPScope, route: str, reply: Reply) -> tuple[Reply, Headers]:
        """Admit and note a GET whose answer was found ready; returns what it gets, and the headers beside the reply's.

        The same as `__call__` without anything that waits.
        """
        context = self._begin(scope, _no_body, _no_send)
        context.route = route
        try:
            self._admission.admit_known(context)
            _verify_host(context)
            reply = unless_known(reply, context.headers.get(b"if-none-match"))
        except DomainError as error:
            reply = error_reply(context.path, error)
        context.status = reply.status
        self._note(context)
        return reply, context.extra_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the server's start and stop on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if "//" in scope["path"]:
            scope["path"] = SLASHES.sub("/", scope["path"])
        context = self._begin(scope, receive, send)
        request_id.set(context.request_id)
        try:
            reply = await self._answer(context)
            if reply is not None:
                await self._send(context, reply)
        except ClientGone:
            context.status = CLIENT_GONE
        finally:
            self._note(context)

    def _note(self, context: RequestContext) -> None:
        seconds = perf_counter() - context.started
        REQUEST_FIGURES.observe(context.route, context.method, context.status, seconds)
        if self._log_request is not None:
            self._log_request(context, seconds)

    def _begin(self, scope: HTTPScope, receive: Receive, send: Send) -> RequestContext:
        client = scope["client"]
        context = RequestContext(scope, receive, send, "", client[0] if client else "unix")
        given = context.headers.get(b"x-request-id")
        context.request_id = given.decode() if given and REQUEST_ID.fullmatch(given) else next(self._ids)
        context.extra_headers = [(b"x-request-id", context.request_id.encode())]
        return context

    async def _answer(self, context: RequestContext) -> Reply | None:
        try:
            if not self._admission.admit_known(context):
                await self._admission.admit(context)
            _verify_host(context)
            if (fast := self._find_fast(context.method, context.path)) is not None:
                context.route, handler = fast
                return await handler(context)
            await self._route(context)
        except DomainError as error:
            return error_reply(context.path, error)
        except Replay as replay:
            return replay.reply
        except ClientGone:
            raise
        except asyncio.CancelledError:
            # At a stop, the time for requests in flight is over. An answer that has begun is broken off.
            return (
                None if context.status else error_reply(context.path, Unavailable("The server is stopping. Try again."))
            )
        except Exception:
            log.exception("request failed", method=context.method, path=context.shown_path)
            if context.status:
                raise  # The answer has begun; the connection is all that is left to break off.
            return crash_reply(context.path)
        return None

    async def _route(self, context: RequestContext) -> None:
        """Let the framework answer, adding our headers to its."""
        head = context.method == "HEAD"
        # A HEAD is the GET without its body; the web server goes by its own scope, where it stays a HEAD.
        scope: Any = {**context.scope, "method": "GET" if head else context.method, KEY: context}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message["headers"] = headers = [*message["headers"], *context.extra_headers]
                if context.authenticated is not None and not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"private, no-store"))  # what a key opens is for its holder
            elif message["type"] == "http.response.body" and head:
                message["body"] = b""
            await context.send(message)

        try:
            await self._app(scope, context.receive if in_media_dialect(context.path) else unpacking(context), send)
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


def _find_nothing(_url: bytes) -> None:
    return None


async def _no_body() -> Any:
    raise AssertionError("a request answered at once has no body to be read")


async def _no_send(_message: Message) -> None:
    raise AssertionError("a request answered at once is written by the protocol")


@lru_cache(256)
def _is_host(text: bytes) -> bool:
    return HOST.fullmatch(text) is not None


def _verify_host(context: RequestContext) -> None:
    """Raises InvalidRequest unless there is one well-formed Host (RFC 9112, 3.2); HTTP/1.0 may go without."""
    host = context.headers.get(b"host")
    if host is None and context.scope["http_version"] == "1.0":
        return
    if host is None or not _is_host(host):
        raise InvalidRequest("Host is missing, malformed or given twice.", "host")
