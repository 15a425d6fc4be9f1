"""HTTP/1.1 as it comes off the wire: uvicorn's protocol with a bound on headers, and our answers to what is no HTTP."""

import os
from typing import cast

import httptools
import structlog
from litestar.types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.coalescing import CoalescingTransport
from hallmarket.server.http.edge import Edge
from hallmarket.server.http.metrics import REQUEST_FIGURES
from hallmarket.server.http.reply import error_reply

MAX_HEADERS = 200
MAX_HEAD_BYTES = 64 * 1024
LINGER_S = 1.0
BODY_HEADERS = (b"content-length", b"transfer-encoding")
log = structlog.get_logger()


class Protocol(HttpToolsProtocol):
    """One connection. A request that cannot be read is answered like any other bad one, and the connection closed."""

    _received = b""
    _refused = False
    _refusal = b""  # what is still to be said of a request that could not be read
    _in_head = False
    _head_bytes = 0  # of the request whose headers are still coming in, what earlier pieces brought
    _answered = False  # the request being read has its answer already, and nothing is to become of it

    def data_received(self, data: bytes) -> None:
        """Read on. Whatever else an Upgrade asks for, the request is answered as the plain one it also is."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._received = data
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            self._refuse(error)
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(None)

    def on_message_begin(self) -> None:
        """Begin to count a request's headers."""
        super().on_message_begin()
        self._in_head = True
        self._answered = False

    def on_headers_complete(self) -> None:
        """Hand the request over, unless its headers are more than anybody needs."""
        # Counted exactly only when the pieces they came in could hold too much.
        if len(self.headers) > MAX_HEADERS or (
            self._head_bytes + len(self._received) > MAX_HEAD_BYTES and self._count() > MAX_HEAD_BYTES
        ):
            raise _TooLarge
        self._in_head = False
        self._head_bytes = 0
        if self._answer_now():
            self._answered = True
            super().on_response_complete()
            return
        super().on_headers_complete()
        cycle = self.cycle
        cycle.transport = transport = CoalescingTransport(self.transport, cycle)

        def on_response() -> None:
            transport.flush()
            cycle.transport = self.transport  # or the two would hold each other, and wait for the garbage collector
            self.on_response_complete()

        cycle.on_response = on_response

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        if not self._answered:
            super().on_message_complete()

    def _answer_now(self) -> bool:
        """Answer here, without a task, what the application has ready; whether that was so.

        Only on an idle connection that goes on: what is in any way special takes the usual way.
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
        reply, extra_headers = self.app.answer_now(cast("HTTPScope", self.scope), *ready)
        headers = (
            *self.server_state.default_headers,
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
            *extra_headers,
        )
        lines = b"".join([b"%s: %s\r\n" % header for header in headers])
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[reply.status], lines, reply.body))
        return True

    def _count(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_response_complete(self) -> None:
        """Go on to the next request that waits; after the last, refuse what could not be read behind it."""
        waiting = bool(self.pipeline)
        super().on_response_complete()
        if self._refusal and not waiting and not self.transport.is_closing():
            self._send_refusal()

    def _refuse(self, error: Exception | None) -> None:
        """Answer what cannot be read, in its turn: the answers to requests before it come first."""
        self._refused = True
        self._refusal = self._write_refusal(error)
        busy = self.cycle is not None and not self.cycle.response_complete
        if not self._in_head and self.cycle is not None and self.cycle.more_body:  # its body cannot be read
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self.cycle.transport.close()  # it has its answer, or half of it
                return
            else:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
                busy = False
        if not busy:
            self._send_refusal()

    def _write_refusal(self, error: Exception | None) -> bytes:
        too_large = error is None or isinstance(error.__context__, _TooLarge)
        reply = error_reply(
            self._path(),
            InvalidRequest(
                f"A request has at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES} bytes of them."
                if too_large
                else "This is no HTTP/1.1 request that can be read."
            ),
        )
        number = os.urandom(8).hex()
        log.warning("a request could not be read", request_id=number, error="headers" if too_large else str(error))
        REQUEST_FIGURES.observe("unmatched", "other", reply.status, 0.0)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
            (b"x-request-id", number.encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"HTTP/1.1 %d Bad Request\r\n%s\r\n%s" % (reply.status, lines, reply.body)

    def _send_refusal(self) -> None:
        self.transport.write(self._refusal)
        self._refusal = b""
        self.transport.write_eof()
        # Closed at once, a client still sending would hear a broken connection rather than the answer.
        self.loop.call_later(LINGER_S, self.transport.close)

    def _path(self) -> str:
        """The path as far as it can be told, to choose the dialect by."""
        target = self.url if self._in_head and self.url else self._received.partition(b" ")[2].partition(b" ")[0]
        return target.partition(b"?")[0].decode("latin-1")


class _TooLarge(Exception):
    """The headers are larger than anybody needs."""
