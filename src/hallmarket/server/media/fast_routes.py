"""The fast path of the two busiest routes: anchor one file, and look up one file.

The edge calls these handlers directly, without the framework's router. The router has the same routes, and calls the
same handlers.
"""

from functools import partial

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.authorization import require_api_key
from hallmarket.server.http.body import read_body
from hallmarket.server.http.edge import FastHandler
from hallmarket.server.http.idempotency_key import find_idempotency_key
from hallmarket.server.http.reply import Reply, apply_if_none_match
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.idempotency.claim import claim_for
from hallmarket.server.media.anchor import AnchorBatcher
from hallmarket.server.media.anchor_reply import anchor_reply
from hallmarket.server.media.anchor_request import read_anchor_request
from hallmarket.server.media.lookup_cache import Lookup

ANCHOR_PATH = "/v1/media/anchor"
LOOKUP_PATH = "/v1/public/media/"
LOOKUP_URL = LOOKUP_PATH.encode()
LOOKUP_ROUTE = LOOKUP_PATH + "{media_hash}"
MAX_BODY_BYTES = 1024 * 1024


class FastRoutes:
    """The handlers of the two routes."""

    def __init__(self, batcher: AnchorBatcher, lookup: Lookup) -> None:
        self._batcher = batcher
        self._lookup = lookup

    def find_handler(self, method: str, path: str) -> tuple[str, FastHandler] | None:
        """Return the route and the handler of a request, if it is on the fast path."""
        if path.startswith(LOOKUP_PATH):
            if path.find("/", len(LOOKUP_PATH)) == -1 and method in ("GET", "HEAD"):
                return LOOKUP_ROUTE, self.look_up
        elif path == ANCHOR_PATH and method == "POST":
            return ANCHOR_PATH, self.anchor
        return None

    def find_cached(self, url: bytes) -> tuple[str, Reply] | None:
        """Return the route and the response of a look-up, if the response is in memory."""
        if not url.startswith(LOOKUP_URL):
            return None
        reply = self._lookup.find_cached(url[len(LOOKUP_URL) :].decode("latin-1"))
        return None if reply is None else (LOOKUP_ROUTE, reply)

    async def anchor(self, context: RequestContext) -> Reply:
        """`POST /v1/media/anchor`: 201 for a new item, 200 for an earlier item of the caller, when it is durable."""
        require_api_key(context, "media:anchor")
        if b"content-type" not in context.headers:
            raise InvalidRequest("Content-Type is missing. Send application/json or a form.", "content-type")
        key = find_idempotency_key(context)
        body = await read_body(context, MAX_BODY_BYTES)
        request = read_anchor_request(context.headers[b"content-type"], body)
        principal, claim = context.principal, None
        if key is not None:
            claim = claim_for(
                principal,
                key,
                *request.identity,
                render=partial(anchor_reply, request),
                organization_id=principal.own_organization_id,
            )
        return anchor_reply(request, await self._batcher.anchor(principal, request, claim))

    async def look_up(self, context: RequestContext) -> Reply:
        """`GET /v1/public/media/{mediaHash}`: the public fields of an anchored file."""
        reply = await self._lookup.get(context.path[len(LOOKUP_PATH) :])
        return apply_if_none_match(reply, context.headers.get(b"if-none-match"))
