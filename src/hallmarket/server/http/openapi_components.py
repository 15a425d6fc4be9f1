"""The OpenAPI document's shared components: description, security schemes, headers, errors of both dialects."""

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from hallmarket.server import errors
from hallmarket.server.http.dialects import error_reply
from hallmarket.server.http.openapi_examples import HASH, ID

Json = dict[str, Any]

DESCRIPTION = """\
A registry and exchange for media and data, anchored in a public, verifiable log.

Paths under `/v1` use the **media dialect**: an API key in the header `x-api-key`, the bare object on success,
`{"code", "message", "details"}` on failure. All other paths use the **exchange dialect**: a token from
`POST /users/get-token` in the header `Authorization`, `{"data", "error"}` around every response. The log's own paths
(`/log`) serve plain bytes that anyone may read.

Every response has the header `x-request-id`. JSON bodies may be sent with `Content-Encoding: gzip`.
"""

UUID: Json = {"type": "string", "format": "uuid"}
# The schemas of path parameters by name. Any other name that ends in `_id` is a UUID.
PATH_PARAMETERS: dict[str, Json] = {
    "id": UUID,
    "media_hash": {"type": "string", "pattern": "^[0-9a-f]{128}$", "examples": [HASH]},
    "path": {"type": "string", "examples": ["0/000"]},
    "username": {"type": "string", "examples": ["jane"]},
    "name": {"type": "string", "examples": ["The Gazette"]},
    "name_or_id": {"type": "string", "examples": ["jane"]},
}

_MEDIA_ERROR: Json = {
    "type": "object",
    "description": "An error in the media dialect.",
    "properties": {
        "code": {"type": "string", "description": "For programs."},
        "message": {"type": "string", "description": "For people."},
        "details": {"type": ["object", "null"], "description": "Further information, such as `field`."},
    },
    "required": ["code", "message", "details"],
    "additionalProperties": False,
}
_EXCHANGE_ERROR: Json = {
    "type": "object",
    "description": "An error in the exchange dialect.",
    "properties": {
        "data": {"type": "null"},
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "For people."},
                "code": {"type": "string", "description": "For programs."},
                "status": {"type": "integer", "description": "The HTTP status."},
                "details": {"type": "object", "description": "Further information, such as `field`."},
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
            "description": "The organization to act in, if your key is bound to none.",
            "schema": UUID,
            "example": ID,
        },
    },
}
ERROR_DESCRIPTIONS = {
    errors.DomainError: "Something went wrong on our side; it is logged under `x-request-id`.",
    errors.RateLimited: "Too many requests; `Retry-After` is the number of seconds to wait.",
    errors.InvalidRequest: "The request is invalid; `details.field` names the invalid part.",
}


def response_spec(model: Any, description: str) -> ResponseSpec:
    """Return an additional response for a handler's `responses`. A `model` of None is a response without a body."""
    return ResponseSpec(model, generate_examples=False, description=description)  # Litestar's examples are random


def error_description(kind: type[errors.DomainError]) -> str:
    """Return a sentence for users about an error class: the first paragraph of its docstring, or a better one."""
    return ERROR_DESCRIPTIONS.get(kind, " ".join((kind.__doc__ or "").partition("\n\n")[0].split()))


def example_error(path: str, kind: type[errors.DomainError]) -> tuple[int, Json]:
    """Return the status and body of an example of an error, in the dialect of `path`."""
    error = kind.__new__(kind)  # its constructor may need values that only a request has
    error.message, error.details = error_description(kind), None
    if kind is errors.InvalidRequest:
        error.details = {"field": "name", "reason": error.message}
    if isinstance(error, errors.RateLimited):
        error.details, error.retry_after_s = {"retryAfter": 17}, 17
    if isinstance(error, errors.RangeNotSatisfiable):
        error.details, error.size_bytes = {"sizeBytes": 1234}, 1234
    reply = error_reply(path, error)
    return reply.status, dict(msgspec.json.decode(reply.body))
