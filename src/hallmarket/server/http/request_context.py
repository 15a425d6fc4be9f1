"""One request on its way through the house: what the edge learned of it, and where its answer goes."""

from time import perf_counter
from typing import Any
from uuid import UUID

from litestar.types import HTTPScope, Receive, Scope, Send

KEY = "hallmarket"
SIGNED = ("/downloads/", "/uploads/")  # what follows opens something for whoever reads it


class RequestContext:
    """One request: its id, who sends it and from where, and the headers every answer to it carries."""

    __slots__ = (
        "body_ended",
        "caller",
        "client",
        "extra_headers",
        "headers",
        "method",
        "path",
        "receive",
        "request_id",
        "route",
        "scope",
        "send",
        "started",
        "status",
    )

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send, request_id: str, client: str) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            # A header sent twice is one value that no key, id or type can equal.
            self.headers[name] = value if name not in self.headers else self.headers[name] + b", " + value
        self.request_id = request_id
        self.client = client
        self.caller: Any = None  # identity's Caller; this room does not know it
        self.extra_headers: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        self.route = "unmatched"
        self.status = 0
        self.body_ended = False
        self.started = perf_counter()

    @property
    def shown_path(self) -> str:
        """The path for people who read logs: of a signed address only what it is for."""
        return next((prefix + "…" for prefix in SIGNED if self.path.startswith(prefix)), self.path)

    @property
    def key_id(self) -> UUID | None:
        """The id of the API key that sent this request, if one did."""
        return None if self.caller is None else self.caller.key_id


def request_context(scope: Scope) -> RequestContext:
    """The context that a framework's scope belongs to."""
    context = scope[KEY]  # type: ignore[literal-required]
    assert isinstance(context, RequestContext)
    return context
