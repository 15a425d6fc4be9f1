"""What the OpenAPI document holds beside the routes: areas, security, headers, the two dialects' errors."""

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from hallmarket.server import errors
from hallmarket.server.http.examples import HASH, ID
from hallmarket.server.http.reply import error_reply

Json = dict[str, Any]

DESCRIPTION = """\
A registry and exchange for media and data, anchored in a public, verifiable log.

Paths under `/v1` speak the **media dialect**: an API key in the header `x-api-key`, the object itself on success,
`{"code", "message", "details"}` on failure. Everything else speaks the **exchange dialect**: a token from
`POST /users/get-token` in the header `Authorization`, `{"data", "error"}` around every answer. The log's own paths
(`/log`) are plain bytes that anybody may read.

Every answer carries `x-request-id`. JSON bodies may be sent with `Content-Encoding: gzip`.
"""

UUID: Json = {"type": "string", "format": "uuid"}
# Path parameters by name; whatever else ends in `_id` is a UUID.
NAMES: dict[str, Json] = {
    "id": UUID,
    "media_hash": {"type": "string", "pattern": "^[0-9a-f]{128}$", "examples": [HASH]},
    "path": {"type": "string", "examples": ["0/000"]},
    "username": {"type": "string", "examples": ["jane"]},
    "name": {"type": "string", "examples": ["The Gazette"]},
    "name_or_id": {"type": "string", "examples": ["jane"]},
}

_MEDIA_ERROR: Json = {
    "type": "object",
    "description": "How the media dialect says that something went wrong.",
    "properties": {
        "code": {"type": "string", "description": "For programs."},
        "message": {"type": "string", "description": "For people."},
        "details": {"type": ["object", "null"], "description": "What is known beyond it, such as `field`."},
    },
    "required": ["code", "message", "details"],
    "additionalProperties": False,
}
_EXCHANGE_ERROR: Json = {
    "type": "object",
    "description": "How the exchange dialect says that something went wrong.",
    "properties": {
        "data": {"type": "null"},
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "For people."},
                "code": {"type": "string", "description": "For programs."},
                "status": {"type": "integer", "description": "The HTTP status once more."},
                "details": {"type": "object", "description": "What is known beyond it, such as `field`."},
            },
            "required": ["message", "code", "status"],
        },
    },
    "required": ["data", "error"],
    "additionalProperties": False,
}
COMPONENTS: dict[str, Json] = {
    "schemas": {"MediaError": _MEDIA_ERROR, "ExchangeError": _EXCHANGE_ERROR},
    "securitySchemes": {
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key."},
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "A token from `POST /users/get-token`, bare or after `Bearer`.",
        },
    },
    "parameters": {
        "Organization": {
            "name": "X-Ouro-Org",
            "in": "header",
            "description": "The organization to run in, if your key is bound to none.",
            "schema": UUID,
            "example": ID,
        },
    },
}
WORDS = {
    errors.DomainError: "Something went wrong on our side; it is logged under `x-request-id`.",
    errors.RateLimited: "Too many requests; `Retry-After` says how many seconds to wait.",
    errors.InvalidRequest: "The request cannot be understood; `details.field` names the part that is wrong.",
}


def answer(model: Any, description: str) -> ResponseSpec:
    """An answer beside the one a handler's type tells, for its `responses`; None is one without a body."""
    return ResponseSpec(model, generate_examples=False, description=description)  # Litestar's would be random


def words_of(kind: type[errors.DomainError]) -> str:
    """What happened, in a sentence for people who do not read the code."""
    return WORDS.get(kind, " ".join((kind.__doc__ or "").partition("\n\n")[0].split()))


def sample_error(path: str, kind: type[errors.DomainError]) -> tuple[int, Json]:
    """Status and body of an error as the dialect of `path` writes it, for people to see its form."""
    error = kind.__new__(kind)  # its own words may need values that only a request has
    error.message, error.details = words_of(kind), None
    if kind is errors.InvalidRequest:
        error.details = {"field": "name", "reason": error.message}
    if isinstance(error, errors.RateLimited):
        error.details, error.retry_after_s = {"retryAfter": 17}, 17
    if isinstance(error, errors.RangeNotSatisfiable):
        error.details, error.size_bytes = {"sizeBytes": 1234}, 1234
    reply = error_reply(path, error)
    return reply.status, dict(msgspec.json.decode(reply.body))
