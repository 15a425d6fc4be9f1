"""The `Idempotency-Key` header; each room keeps the first answers beside the things they are about."""

import re

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.request_context import RequestContext

HEADER = b"idempotency-key"
REPLAYED = (b"idempotent-replayed", b"true")
IDEMPOTENCY_HEADER = {
    "Idempotency-Key": {
        "type": "string",
        "pattern": "^[!-~][ -~]{0,254}$",
        "description": "Makes the request safe to repeat: the first answer is kept for a day.",
    }
}
KEY = re.compile(rb"[\x21-\x7e][\x20-\x7e]{0,254}")


def find_idempotency_key(context: RequestContext) -> str | None:
    """The request's idempotency key, if it has one. Raises InvalidRequest if it is empty, too long or not ASCII."""
    raw = context.headers.get(HEADER)
    if raw is None:
        return None
    if not KEY.fullmatch(raw):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 printable ASCII characters.", "Idempotency-Key")
    return raw.decode()
