"""The `Idempotency-Key` header, and the replay of the first response to a request."""

import re

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.request_context import RequestContext

HEADER = b"idempotency-key"
REPLAYED_HEADER = (b"idempotent-replayed", b"true")
IDEMPOTENCY_HEADER = {
    "Idempotency-Key": {
        "type": "string",
        "pattern": "^[!-~][ -~]{0,254}$",
        "description": "Makes the request safe to repeat. The first response is stored for a day.",
    }
}
KEY_PATTERN = re.compile(rb"[\x21-\x7e][\x20-\x7e]{0,254}")


class Replay(Exception):
    """The request was answered before under its idempotency key. `reply` is the first response, to be sent again."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"The first response had status {status}.")
        self.reply = Reply(status, body, (REPLAYED_HEADER,))


def find_idempotency_key(context: RequestContext) -> str | None:
    """Return the request's idempotency key, or None. Raises InvalidRequest if it is empty, too long or not ASCII."""
    raw = context.headers.get(HEADER)
    if raw is None:
        return None
    if not KEY_PATTERN.fullmatch(raw):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 printable ASCII characters.", "Idempotency-Key")
    return raw.decode()
