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
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from hallmarket.server.errors import DomainError, InvalidRequest, Unavailable
from hallmarket.server.http.admission import Admission
from hallmarket.server.http.body import CLIENT_GONE, ClientGone, unpacking
from hallmarket.server.http.logging import request_id
from hallmarket.server.http.metrics import REQUEST_FIGURES
from hallmarket.server.http.reply import (
    Headers,
    Reply,
    crash_reply,
    error_reply,
    in_media_dialect,
    is_open,
    unless_known,
)
from hallmarket.server.http.visit import KEY, Visit

Quick = Callable[[Visit], Awaitable[Reply]]
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SLASHES = re.compile("/{2,}")
HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")

log = structlog.get_logger()


class Edge:
    """The ASGI application the server runs: `app` inside, `find_quick` for the routes that go around its router.

    `find_ready` returns the route and the answer of a GET of a URL if that takes no waiting; such a route needs no key.
    It finds nothing where counting takes waiting.
    """

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        find_ready: Callable[[bytes], tuple[str, Reply] | None],
        find_quick: Callable[[str, str], tuple[str, Quick] | None],
        log_request: Callable[[Visit, float], None] | None,
    ) -> None:
        self._app = app
        self._admission = admission
        self.find_ready = find_ready if admission.counts_now else _find_nothing
        self._find_quick = find_quick
        self._log_request = log_request
        self._ids = map((os.urandom(6).hex() + "-%x").__mod__, count(1))

    def answer_now(self, scope: HTTPScope, route: str, reply: Reply) -> tuple[Reply, Headers]:
        """Admit and note a GET whose answer was found ready; returns what it gets, and the headers beside the reply's.

        The same as `__call__` without anything that waits.
        """
        visit = self._begin(scope, _no_body, _no_send)
        visit.route = route
        try:
            self._admission.admit_known(visit)
            _verify_host(visit)
            reply = unless_known(reply, visit.headers.get(b"if-none-match"))
        except DomainError as error:
            reply = error_reply(visit.path, error)
        visit.status = reply.status
        self._note(visit)
        return reply, visit.extra_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the server's start and stop on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if "//" in scope["path"]:
            scope["path"] = SLASHES.sub("/", scope["path"])
        visit = self._begin(scope, receive, send)
        request_id.set(visit.request_id)
        try:
            reply = await self._answer(visit)
            if reply is not None:
                await self._send(visit, reply)
        except ClientGone:
            visit.status = CLIENT_GONE
        finally:
            self._note(visit)

    def _note(self, visit: Visit) -> None:
        seconds = perf_counter() - visit.started
        REQUEST_FIGURES.observe(visit.route, visit.method, visit.status, seconds)
        if self._log_request is not None:
            self._log_request(visit, seconds)

    def _begin(self, scope: HTTPScope, receive: Receive, send: Send) -> Visit:
        client = scope["client"]
        visit = Visit(scope, receive, send, "", client[0] if client else "unix")
        given = visit.headers.get(b"x-request-id")
        visit.request_id = given.decode() if given and REQUEST_ID.fullmatch(given) else next(self._ids)
        visit.extra_headers = [(b"x-request-id", visit.request_id.encode())]
        return visit

    async def _answer(self, visit: Visit) -> Reply | None:
        try:
            if not is_open(visit.path) and not self._admission.admit_known(visit):
                await self._admission.admit(visit)
            _verify_host(visit)
            if (quick := self._find_quick(visit.method, visit.path)) is not None:
                visit.route, handler = quick
                return await handler(visit)
            await self._route(visit)
        except DomainError as error:
            return error_reply(visit.path, error)
        except ClientGone:
            raise
        except asyncio.CancelledError:
            # At a stop, the time for requests in flight is over. An answer that has begun is broken off.
            return None if visit.status else error_reply(visit.path, Unavailable("The server is stopping. Try again."))
        except Exception:
            log.exception("request failed", method=visit.method, path=visit.shown_path)
            if visit.status:
                raise  # The answer has begun; the connection is all that is left to break off.
            return crash_reply(visit.path)
        return None

    async def _route(self, visit: Visit) -> None:
        """Let the framework answer, adding our headers to its."""
        head = visit.method == "HEAD"
        # A HEAD is the GET without its body; the web server goes by its own scope, where it stays a HEAD.
        scope: Any = {**visit.scope, "method": "GET" if head else visit.method, KEY: visit}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = headers = [*message["headers"], *visit.extra_headers]
                if visit.caller is not None and not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"private, no-store"))  # what a key opens is for its holder
            elif message["type"] == "http.response.body" and head:
                message["body"] = b""
            await visit.send(message)

        try:
            await self._app(scope, visit.receive if in_media_dialect(visit.path) else unpacking(visit), send)
        finally:
            visit.route = str(scope.get("path_template", "unmatched"))

    async def _send(self, visit: Visit, reply: Reply) -> None:
        visit.status = reply.status
        await visit.send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", reply.content_type),
                    (b"content-length", b"%d" % len(reply.body)),
                    *reply.headers,
                    *visit.extra_headers,
                ],
            }
        )
        body = b"" if visit.method == "HEAD" else reply.body
        await visit.send({"type": "http.response.body", "body": body, "more_body": False})


def _find_nothing(_url: bytes) -> None:
    return None


async def _no_body() -> Any:
    raise AssertionError("a request answered at once has no body to be read")


async def _no_send(_message: Message) -> None:
    raise AssertionError("a request answered at once is written by the protocol")


@lru_cache(256)
def _is_host(text: bytes) -> bool:
    return HOST.fullmatch(text) is not None


def _verify_host(visit: Visit) -> None:
    """Raises InvalidRequest unless there is one well-formed Host (RFC 9112, 3.2); HTTP/1.0 may go without."""
    host = visit.headers.get(b"host")
    if host is None and visit.scope["http_version"] == "1.0":
        return
    if host is None or not _is_host(host):
        raise InvalidRequest("Host is missing, malformed or given twice.", "host")
