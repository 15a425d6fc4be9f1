"""The HTTP/1.1 protocol of one connection: uvicorn's, with limits on headers and error responses to invalid HTTP."""

import os
from typing import cast

import httptools
import structlog
from litestar.types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.coalescing_transport import CoalescingTransport
from hallmarket.server.http.dialects import error_reply
from hallmarket.server.http.edge import Edge
from hallmarket.server.http.metrics import REQUEST_METRICS

MAX_HEADERS = 200
MAX_HEAD_BYTES = 64 * 1024
CLOSE_DELAY_S = 1.0
BODY_HEADERS = (b"content-length", b"transfer-encoding")
log = structlog.get_logger()


class Protocol(HttpToolsProtocol):
    """One connection. A request that is not valid HTTP gets an error response, and the connection is closed."""

    _received = b""  # the chunk being parsed
    _rejected = False
    _rejection = b""  # the error response that is still to be sent
    _in_head = False
    _head_bytes = 0  # size of the earlier chunks of the head being received
    _answered = False  # the request being parsed has its response already, so the rest of it is ignored

    def data_received(self, data: bytes) -> None:
        """Parse a chunk. A request for an Upgrade is answered as a plain one."""
        if self._rejected:
            return
        self._unset_keepalive_if_required()
        self._received = data
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            self._reject(error)
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._reject(None)

    def on_message_begin(self) -> None:
        """Start counting the size of a request's head."""
        super().on_message_begin()
        self._in_head = True
        self._answered = False

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large."""
        # The exact size is counted only if the chunks that contained the head were large enough.
        if len(self.headers) > MAX_HEADERS or (
            self._head_bytes + len(self._received) > MAX_HEAD_BYTES and self._count_head_bytes() > MAX_HEAD_BYTES
        ):
            raise _HeadTooLarge
        self._in_head = False
        self._head_bytes = 0
        if self._answer_if_ready():
            self._answered = True
            super().on_response_complete()
            return
        super().on_headers_complete()
        cycle = self.cycle
        cycle.transport = transport = CoalescingTransport(self.transport, cycle)

        def on_response() -> None:
            transport.flush()
            cycle.transport = self.transport  # breaks the reference cycle, which would otherwise wait for the collector
            self.on_response_complete()

        cycle.on_response = on_response

    def on_body(self, body: bytes) -> None:
        """Receive a chunk of a request's body."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._answered:
            super().on_message_complete()

    def _answer_if_ready(self) -> bool:
        """Answer a request without creating a task, if the application has its reply ready. Returns whether it did.

        This is done only for a plain GET on an idle connection that stays open.
        """
        parser = self.parser
        if (
            parser.get_method() != b"GET"
            or not isinstance(self.app, Edge)
            or (ready := self.app.find_ready(self.url)) is None
            or (self.cycle is not None and not self.cycle.response_complete)
            or self.flow.write_paused
            or self.transport.is_closing()
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
            or any(name in BODY_HEADERS for name, _ in self.headers)
        ):
            return False
        self.scope["method"] = "GET"
        self.scope["path"] = self.url.decode("ascii")
        reply, extra_headers = self.app.answer_ready(cast("HTTPScope", self.scope), *ready)
        headers = (
            *self.server_state.default_headers,
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
            *extra_headers,
        )
        head = b"".join([b"%s: %s\r\n" % header for header in headers])
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[reply.status], head, reply.body))
        return True

    def _count_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_response_complete(self) -> None:
        """Start the next pipelined request. After the last one, send the pending rejection."""
        waiting = bool(self.pipeline)
        super().on_response_complete()
        if self._rejection and not waiting and not self.transport.is_closing():
            self._send_rejection()

    def _reject(self, error: Exception | None) -> None:
        """Answer an invalid request with an error, after the responses to the requests before it."""
        self._rejected = True
        self._rejection = self._make_rejection(error)
        busy = self.cycle is not None and not self.cycle.response_complete
        if not self._in_head and self.cycle is not None and self.cycle.more_body:  # its body is invalid
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self.cycle.transport.close()  # its response has begun, so it cannot get another
                return
            else:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
                busy = False
        if not busy:
            self._send_rejection()

    def _make_rejection(self, error: Exception | None) -> bytes:
        too_large = error is None or isinstance(error.__context__, _HeadTooLarge)
        reply = error_reply(
            self._path(),
            InvalidRequest(
                f"A request may have at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES} bytes of headers."
                if too_large
                else "The request is not valid HTTP/1.1."
            ),
        )
        request_id = os.urandom(8).hex()
        log.warning("a request could not be read", request_id=request_id, error="headers" if too_large else str(error))
        REQUEST_METRICS.observe("unmatched", "other", reply.status, 0.0)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"HTTP/1.1 %d Bad Request\r\n%s\r\n%s" % (reply.status, head, reply.body)

    def _send_rejection(self) -> None:
        self.transport.write(self._rejection)
        self._rejection = b""
        self.transport.write_eof()
        # Close with a delay. A client that is still sending would otherwise get a reset instead of the response.
        self.loop.call_later(CLOSE_DELAY_S, self.transport.close)

    def _path(self) -> str:
        """Return the path, as far as it was received, to choose the dialect by."""
        target = self.url if self._in_head and self.url else self._received.partition(b" ")[2].partition(b" ")[0]
        return target.partition(b"?")[0].decode("latin-1")


class _HeadTooLarge(Exception):
    """The request's headers are too many or too large."""
