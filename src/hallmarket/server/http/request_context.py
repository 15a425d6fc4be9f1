"""One HTTP request: what the edge knows about it, who sends it, and how it is answered."""

from time import perf_counter
from uuid import UUID

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from hallmarket.server.principal import NOBODY, Origin, Principal

SCOPE_KEY = "hallmarket"
SIGNED = ("/downloads/", "/uploads/")  # the rest of such a path is a credential


class RequestContext:
    """One request: its id, its client, its principal, and the headers that every response to it carries."""

    __slots__ = (
        "_principal",
        "authenticated",
        "body_ended",
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
            # A header sent twice becomes one value that no key, id or type can equal.
            self.headers[name] = value if name not in self.headers else self.headers[name] + b", " + value
        self.request_id = request_id
        self.client = client
        self.authenticated: Principal | None = None  # set by admission; None for a stranger
        self._principal: Principal | None = None
        self.extra_headers: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        self.route = "unmatched"
        self.status = 0
        self.body_ended = False
        self.started = perf_counter()

    @property
    def principal(self) -> Principal:
        """Who sends the request, and from where; `NOBODY` from that address for a stranger."""
        if self._principal is None:
            self._principal = self.with_origin(self.authenticated or NOBODY)
        return self._principal

    def with_origin(self, principal: Principal) -> Principal:
        """Return the principal as acting from where this request came."""
        user_agent = self.headers.get(b"user-agent")
        origin = Origin(self.client, None if user_agent is None else user_agent.decode("latin-1"), self.request_id)
        return msgspec.structs.replace(principal, origin=origin)

    @property
    def base_url(self) -> str:
        """The scheme and host that the client used, such as `https://registry.example`."""
        host = self.headers.get(b"host", b"").decode("latin-1")
        if not host:
            address, port = self.scope["server"] or ("127.0.0.1", None)
            host = address if port is None else f"{address}:{port}"
        return f"{self.scope['scheme']}://{host}"

    @property
    def shown_path(self) -> str:
        """The path for logs, without the credential of a signed address."""
        return next((prefix + "…" for prefix in SIGNED if self.path.startswith(prefix)), self.path)

    @property
    def key_id(self) -> UUID | None:
        """The id of the API key that sent this request, if one did."""
        return None if self.authenticated is None else self.authenticated.key_id


def request_context(scope: Scope) -> RequestContext:
    """Return the request context that the edge put into the framework's scope."""
    context = scope[SCOPE_KEY]  # type: ignore[literal-required]
    assert isinstance(context, RequestContext)
    return context


def principal_of(scope: Scope) -> Principal:
    """Return who sends the request that the framework's scope belongs to."""
    return request_context(scope).principal
