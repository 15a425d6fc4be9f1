"""Write the response to a request to anchor one file."""

import msgspec

from hallmarket.server.errors import DomainError
from hallmarket.server.http.media_dialect import media_error
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.status_codes import status_code
from hallmarket.server.media.types import AcceptedItem, AnchorRequest


def anchor_reply(request: AnchorRequest, outcome: AcceptedItem | DomainError) -> Reply:
    """Return 201 with the id of a new item, 200 with the request's fields for an earlier item, or the error."""
    if isinstance(outcome, DomainError):
        return Reply(status_code(outcome), msgspec.json.encode(media_error(outcome)))
    if outcome.is_new:
        return Reply(201, b'{"id":"%s"}' % str(outcome.id).encode())
    return Reply(200, msgspec.json.encode({**request.echo, "id": outcome.id}))
