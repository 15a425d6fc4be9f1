"""Messages between the server and a query process, which travel through its standard input and output.

A request is its length, four bytes big-endian, and the JSON of a QueryRequest. A reply is a series of frames: any
number of DATA frames with pieces of the result, then one END frame with the JSON of a QueryResponse. A READY frame
comes once, before the first request.
"""

import struct

import msgspec

from hallmarket.server.query_engine.errors import Diagnostic
from hallmarket.server.query_engine.types import Column, Format, Query

READY, DATA, END = b"r", b"d", b"e"
LENGTH_BYTES = 4  # of a request's length
FRAME_HEADER = struct.Struct(">cI")  # kind, and length of the payload in bytes
MAX_PAYLOAD_BYTES = 256 * 1024  # of a DATA frame


class QueryRequest(msgspec.Struct, frozen=True):
    """A query to run. Without `format` the reply is a page of JSON rows of at most `max_bytes`; else an export."""

    query: Query
    format: Format | None
    max_bytes: int


class QueryResponse(msgspec.Struct, frozen=True):
    """The end of a reply: what is known about the result, or the error.

    `is_last` is true if the process ends after this reply.
    """

    error: Diagnostic | None = None
    columns: tuple[Column, ...] = ()
    row_count: int = 0
    has_more: bool = False
    total: int | None = None
    sql: str = ""
    is_last: bool = False
