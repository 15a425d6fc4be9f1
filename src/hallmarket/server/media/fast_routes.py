"""The two busiest routes of media, from request to answer: one anchor, and one public look-up.

They stand in front of the framework's router, which knows them too, and answers by these same functions.
"""

from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.admission import require_caller
from hallmarket.server.http.body import read_body
from hallmarket.server.http.edge import FastHandler
from hallmarket.server.http.idempotency import REPLAYED, find_idempotency_key
from hallmarket.server.http.reply import Reply, unless_known
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.idempotency.types import StoredResponse
from hallmarket.server.media.anchor import Anchoring
from hallmarket.server.media.idempotency import make_claim, render
from hallmarket.server.media.lookup import Lookup
from hallmarket.server.media.outcome import Work
from hallmarket.server.media.read import read_anchor
from hallmarket.server.media.types import owner_of, read_hash

ANCHOR_PATH = "/v1/media/anchor"
LOOKUP_PATH = "/v1/public/media/"
LOOKUP_URL = LOOKUP_PATH.encode()
LOOKUP_ROUTE = LOOKUP_PATH + "{media_hash}"
MAX_BODY_BYTES = 1024 * 1024


class FastPath:
    """Answers one anchor and one look-up."""

    def __init__(self, anchoring: Anchoring, lookup: Lookup) -> None:
        self._anchoring = anchoring
        self._lookup = lookup

    def find(self, method: str, path: str) -> tuple[str, FastHandler] | None:
        """The route and handler of a request that is answered here."""
        if path.startswith(LOOKUP_PATH):
            if path.find("/", len(LOOKUP_PATH)) == -1 and method in ("GET", "HEAD"):
                return LOOKUP_ROUTE, self.look_up
        elif path == ANCHOR_PATH and method == "POST":
            return ANCHOR_PATH, self.anchor
        return None

    def find_ready(self, url: bytes) -> tuple[str, Reply] | None:
        """The route and answer of a look-up that memory answers."""
        if not url.startswith(LOOKUP_URL):
            return None
        reply = self._lookup.find_ready(url[len(LOOKUP_URL) :].decode("latin-1"))
        return None if reply is None else (LOOKUP_ROUTE, reply)

    async def look_up(self, context: RequestContext) -> Reply:
        """`GET /v1/public/media/{mediaHash}`: what anybody may know of an anchored file."""
        hash_text = context.path[len(LOOKUP_PATH) :]
        reply = self._lookup.find_ready(hash_text)
        if reply is None:
            read_hash(hash_text)
            reply = await self._lookup.get(hash_text)
        return unless_known(reply, context.headers.get(b"if-none-match"))

    async def anchor(self, context: RequestContext) -> Reply:
        """`POST /v1/media/anchor`: 201 for a new item, 200 for an earlier one of the caller's, once it is durable."""
        require_caller(context, "media:anchor")
        if b"content-type" not in context.headers:
            raise InvalidRequest("Content-Type is missing.", "content-type")
        key = find_idempotency_key(context)
        body = await read_body(context, MAX_BODY_BYTES)
        anchor = read_anchor(context.headers[b"content-type"], body)
        owner = owner_of(context.principal)
        claim = None if key is None else make_claim(owner, key, anchor)
        outcome = await self._anchoring.submit(Work(owner, anchor, claim))
        if isinstance(outcome, DomainError):
            raise outcome
        told = render(anchor, outcome)
        return Reply(told.status, told.body, (REPLAYED,) if isinstance(outcome, StoredResponse) else ())
