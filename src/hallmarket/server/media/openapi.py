"""The parts of the media routes' OpenAPI description that do not follow from their types."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.errors import Duplicate, IdempotencyMismatch, InvalidHash, PayloadTooLarge
from hallmarket.server.http.idempotency_key import IDEMPOTENCY_HEADER
from hallmarket.server.http.media_dialect import PAGE_QUERY
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.openapi_examples import HASH, ID
from hallmarket.server.media.types import MAX_SIZE_BYTES, WireItem, WirePublicItem

NDJSON = "application/x-ndjson"
ANCHOR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "hash": {"type": "string", "pattern": "^[0-9a-f]{128}$", "description": "The file's SHA3-512."},
        "size": {"type": "integer", "minimum": 0, "maximum": MAX_SIZE_BYTES, "description": "Its size in bytes."},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "An id of your choice. Without it, the server creates one.",
        },
        "name": {"type": "string", "maxLength": 1024},
        "metadata": {"type": "string", "default": "{}", "description": "Any text, up to 64 KiB of UTF-8."},
    },
    "required": ["hash", "size"],
    "examples": [{"hash": HASH, "size": 18, "name": "scan_1944.txt", "metadata": '{"box": 12}'}],
}
UPLOAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "The file itself."},
        "name": {"type": "string", "maxLength": 1024, "description": "Without it, the file's own name."},
        "metadata": {"type": "string", "default": "{}", "description": "Any text, up to 64 KiB of UTF-8."},
        "anchor": {"type": "string", "enum": ["true", "false"], "default": "true"},
    },
    "required": ["file"],
}
ANCHOR_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_LINES = f'{{"hash":"{HASH}","size":18}}\n{{"hash":"nonsense","size":7}}\n'
_RESULTS = (
    f'{{"index":0,"status":201,"id":"{ID}"}}\n'
    '{"index":1,"status":400,"code":"INVALID_HASH","message":"Hash must be 128\u2011char lowercase hexadecimal.",'
    '"details":null}\n'
)
TEXT_PROOF = "c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example.org\n1\nS2SErV8…\n\n— log.example.org 2XUrGh0…\n"
FILTER_QUERY: dict[str, dict[str, Any]] = {
    "status": {"type": "string", "enum": ["3", "1", "2", "4"], "description": "Only items with this status."},
    "name": {"type": "string", "description": "Only items whose name contains this text, in upper or lower case."},
    "createdFrom": {
        "type": "string",
        "format": "date-time",
        "description": "Only items created at this time or later.",
    },
    "createdTo": {"type": "string", "format": "date-time", "description": "Only items created before this time."},
}
UNCHANGED = response_spec(None, "Unchanged: `If-None-Match` contains the current `ETag`.")


class NewItem(msgspec.Struct, frozen=True):
    """The response for a new item."""

    id: UUID


class SameItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The response for an earlier item that is anchored now: the request's fields, and the item's id."""

    hash: str
    size: int
    id: UUID
    name: str | None = None
    metadata: str | None = None


class WireClaims(msgspec.Struct, frozen=True, rename="camel"):
    """The claims about the file at its registration."""

    created_on: str
    creator: UUID
    metadata: str
    name: str | None
    organization: UUID


class WireBundle(msgspec.Struct, frozen=True):
    """A proof bundle. Entry and salt are in base64; the proof is a `.tlog-proof` file."""

    v: int
    entry: str
    claims: WireClaims | None
    salt: str | None
    proof: str
    timestamps: list[Any]


LIST: dict[str, Any] = {"scope": "media:read", "query": PAGE_QUERY | FILTER_QUERY}
ANCHOR: dict[str, Any] = {
    "scope": "media:anchor",
    "headers": IDEMPOTENCY_HEADER,
    "body": dict.fromkeys(ANCHOR_TYPES, ANCHOR_SCHEMA),
    "raises": (InvalidHash, Duplicate, IdempotencyMismatch),
}
UPLOAD: dict[str, Any] = {
    "scope": "media:anchor",
    "headers": IDEMPOTENCY_HEADER,
    "body": {"multipart/form-data": UPLOAD_SCHEMA},
    "raises": (Duplicate, PayloadTooLarge, IdempotencyMismatch),
}
BATCH: dict[str, Any] = {
    "scope": "media:anchor",
    "body": {NDJSON: {"type": "string", "description": "One anchor request on each line.", "examples": [_LINES]}},
    "success": {
        NDJSON: {"type": "string", "description": "One result on each line, in the same order.", "examples": [_RESULTS]}
    },
}
LOOK_UP: dict[str, Any] = {"raises": (InvalidHash,)}
PROVE: dict[str, Any] = {
    "raises": (InvalidHash,),
    "success": {"text/plain": {"type": "string", "examples": [TEXT_PROOF]}},
}
ANCHORED = {
    201: response_spec(NewItem, "A new item. It is durable."),
    200: response_spec(SameItem, "An earlier item of yours that was not in the log. It is durable."),
}
UPLOADED = {201: response_spec(WireItem, "The new item. It and its bytes are durable.")}
FOUND = {200: response_spec(WirePublicItem, "The file is anchored."), 304: UNCHANGED}
PROVED = {200: response_spec(WireBundle, "The proof bundle, or the proof file alone.")}
