"""Who comes in, and how often: authentication and rate limits of both dialects.

The media dialect brings an API key with each request, the exchange dialect a token bought with one.

Counting is by the library `limits`, in fixed windows of a minute: one count a key and its tokens, one an address where
there is neither, and one an address for bad ones, so that guessing is slow without touching anybody's work. The counts
are this process's own, and cost no waiting, unless several servers share them.
"""

from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from time import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hallmarket.server.errors import Forbidden, RateLimited, Unauthenticated
from hallmarket.server.http.reply import in_media_dialect
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.http.window_storage import WindowStorage
from hallmarket.server.principal import Principal
from hallmarket.server.room import RateClass, Room, find_rate_class, list_rate_classes

if TYPE_CHECKING:
    from hallmarket.server.http.shared_counts import SharedCounts

WINDOW_S = 60


class Limits(msgspec.Struct, frozen=True):
    """Requests a minute; 0 is no limit."""

    key: int
    address: int
    failed: int


class Finder(NamedTuple):
    """How identity finds who speaks through a key or a token: `find` may ask the database, the others never do.

    `was_good` tells of one that was good here before, whatever it is now: it is no guess.
    """

    find: Callable[[str], Awaitable[Principal | None]]
    find_known: Callable[[str], Principal | None]
    was_good: Callable[[str], bool]


class Admission:
    """Finds the caller of a request and counts it; `choose_context` puts them into the organization they name."""

    def __init__(
        self,
        limits: Limits,
        shared_at: str,
        rooms: Sequence[Room],
        keys: Finder,
        tokens: Finder,
        choose_context: Callable[[Principal, bytes | None], Principal],
    ) -> None:
        """`shared_at` is the URL of the Redis that keeps the counts of several servers; "" for none."""
        self._rate_classes = list_rate_classes(rooms)
        self._keys = keys
        self._tokens = tokens
        self._choose_context = choose_context
        memory = WindowStorage()
        self._shared = _share(shared_at, memory) if shared_at else None
        self._key = Bucket(memory, self._shared, "key", limits.key)
        self._address = Bucket(memory, self._shared, "address", limits.address)
        self._failed = Bucket(memory, self._shared, "failed", limits.failed)

    @property
    def counts_now(self) -> bool:
        """Whether counting takes no waiting."""
        return self._shared is None

    def admit_known(self, context: RequestContext) -> bool:
        """Admit a request without a key, or with one that is remembered, if that takes no waiting; whether it did.

        Raises RateLimited.
        """
        kind = find_rate_class(self._rate_classes, context.path)
        if kind == "unlimited":
            return True
        if self._shared is not None:
            return False
        finder, credential = self._credential(context, kind)
        if credential is None:
            self._address.count_now(context, context.client)
            return True
        principal = finder.find_known(credential)
        if principal is None:
            return False
        context.authenticated = principal
        self._key.count_now(context, str(context.key_id))
        self._enter(context)
        return True

    async def admit(self, context: RequestContext) -> None:
        """Set the caller and the rate-limit headers. Raises RateLimited, and Unavailable with the database."""
        finder, credential = self._credential(context, find_rate_class(self._rate_classes, context.path))
        if credential is None:
            await self._address.count(context, context.client)
            return
        context.authenticated = finder.find_known(credential) or await self._try(context, finder, credential)
        if context.authenticated is not None:
            await self._key.count(context, str(context.key_id))
            self._enter(context)

    async def try_key(self, context: RequestContext, key: str) -> Principal | None:
        """The caller behind an API key that came in a body; None, counted as a failure, for a bad one.

        Raises RateLimited, and Unavailable with the database.
        """
        return await self._try(context, self._keys, key)

    async def close(self) -> None:
        """Let go of what the counts are shared through."""
        if self._shared is not None:
            await self._shared.close()

    async def _try(self, context: RequestContext, finder: Finder, credential: str) -> Principal | None:
        # Whoever has used up the failures of this address is not told whether one more key would have fitted.
        if not finder.was_good(credential):
            await self._failed.check(context, context.client)
        principal = await finder.find(credential)
        if principal is None:
            await self._failed.count(context, context.client)
        return principal

    def _credential(self, context: RequestContext, kind: RateClass) -> tuple[Finder, str | None]:
        if in_media_dialect(context.path):
            raw = None if kind == "address" else context.headers.get(b"x-api-key")
            return self._keys, None if raw is None else raw.decode("latin-1")
        raw = context.headers.get(b"authorization")
        return self._tokens, None if raw is None else raw.decode("latin-1")

    def _enter(self, context: RequestContext) -> None:
        if context.authenticated is not None and not in_media_dialect(context.path):
            context.authenticated = self._choose_context(context.authenticated, context.headers.get(b"x-ouro-org"))


def _share(url: str, memory: WindowStorage) -> "SharedCounts":
    # Imported here, for it brings redis, and a tenth of a second: most servers have no use for that.
    from hallmarket.server.http.shared_counts import SharedCounts

    return SharedCounts(url, memory)


class Bucket:
    """One kind of count, and the headers that tell of it."""

    def __init__(self, memory: WindowStorage, shared: "SharedCounts | None", name: str, quota: int) -> None:
        self._memory = memory
        self._shared = shared
        self._name = name
        self._quota = quota
        self._policy = f'"{name}";q={quota};w={WINDOW_S}'.encode()
        self._limit = b"%d" % quota
        self._state = f'"{name}";r=%d;t=%d'.encode()

    def count_now(self, context: RequestContext, who: str) -> None:
        """Count one request, here. Raises RateLimited if it is one too many."""
        if self._quota:
            self._tell(context, *self._memory.count(f"{self._name}/{who}", WINDOW_S))

    async def count(self, context: RequestContext, who: str) -> None:
        """Count one request, with all servers that share their counts. Raises RateLimited if it is one too many."""
        if self._shared is None:
            self.count_now(context, who)
        elif self._quota:
            self._tell(context, *await self._shared.count(f"{self._name}/{who}", WINDOW_S))

    async def check(self, context: RequestContext, who: str) -> None:
        """Raises RateLimited if nothing is left; counts nothing."""
        if self._quota:
            key = f"{self._name}/{who}"
            used, ends = self._memory.look(key) if self._shared is None else await self._shared.look(key, WINDOW_S)
            if used >= self._quota:
                self._tell(context, used + 1, ends)

    def _tell(self, context: RequestContext, used: int, ends: float) -> None:
        left = max(self._quota - used, 0)
        reset = max(ceil(ends - time()), 1)
        # Behind the request's id, and in place of what another count told: the last one decides.
        context.extra_headers[1:] = (
            (b"x-ratelimit-limit", self._limit),
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", b"%d" % reset),
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", self._state % (left, reset)),
        )
        if used > self._quota:
            raise RateLimited(reset)


def require_caller(context: RequestContext, scope: str) -> None:
    """Raises Unauthenticated without a good key; Forbidden if it lacks `scope` or is bound to no organization."""
    if context.authenticated is None:
        missing = b"x-api-key" not in context.headers
        raise Unauthenticated(
            "Send an API key in the header x-api-key." if missing else "This API key is unknown, expired or revoked."
        )
    if context.authenticated.organization_id is None:
        raise Forbidden(
            "This API key is bound to no organization; make one with `admin create-key … --org ID`.",
            {"field": "x-api-key"},
        )
    if scope not in context.authenticated.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})


def require_token(context: RequestContext, scope: str) -> None:
    """Raises Unauthenticated without a good token; Forbidden if its key lacks `scope`."""
    if context.authenticated is None:
        missing = b"authorization" not in context.headers
        raise Unauthenticated(
            "Send a token from POST /users/get-token in the header Authorization."
            if missing
            else "This token is forged or expired, or its API key is expired or revoked."
        )
    if scope not in context.authenticated.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})
