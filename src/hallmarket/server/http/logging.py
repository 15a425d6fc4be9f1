"""Structured logs: JSON lines on standard error, each with the id of the request it belongs to."""

import asyncio
import atexit
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

import msgspec
import structlog

if TYPE_CHECKING:  # the parent process logs too, and must not load the framework behind a request context
    from hallmarket.server.http.request_context import RequestContext

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

FLUSH_INTERVAL_S = 0.1
FLUSH_BYTES = 32 * 1024


def configure_logging(level: str) -> None:
    """Write our own log and that of every library to standard error as JSON lines, from `level` up."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", key="time"),
        _add_request_id,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(
                    serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=str).decode()
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def _add_request_id(_logger: object, _method: str, event: Any) -> Any:
    if (current := request_id.get()) is not None:
        event["request_id"] = current
    return event


class RequestRecord(msgspec.Struct, tag="request", tag_field="event"):
    """The log record of one request. `key` is the id of the API key that it was sent with."""

    time: datetime
    request_id: str
    method: str
    path: str
    status: int
    ms: float
    client: str
    key: UUID | None
    level: str = "info"


class RequestLog:
    """The request log: one line per request, buffered for 0.1 s so that a busy server writes less often."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._scheduled = False
        self._encode = msgspec.json.Encoder().encode
        atexit.register(self.flush)

    def __call__(self, context: "RequestContext", seconds: float) -> None:
        """Log one request, which took `seconds`."""
        self._buffer += self._encode(
            RequestRecord(
                datetime.now(UTC),
                context.request_id,
                context.method,
                context.shown_path,
                context.status,
                round(seconds * 1000, 3),
                context.client,
                context.key_id,
            )
        )
        self._buffer += b"\n"
        if len(self._buffer) > FLUSH_BYTES:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self.flush)

    def flush(self) -> None:
        """Write the buffered lines."""
        self._scheduled = False
        if self._buffer:
            buffered, self._buffer = bytes(self._buffer), bytearray()
            self._stream.write(buffered)
            self._stream.flush()
