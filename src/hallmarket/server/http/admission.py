"""Who comes in, and how often: authentication and rate limits of both dialects.

The media dialect brings an API key with each request, the exchange dialect a token bought with one.

Counting is by the library `limits`, in fixed windows of a minute: one count a key, one an address where there is no
key, and one an address for bad keys, so that guessing is slow without touching anybody's work.
"""

from collections.abc import Awaitable, Callable
from math import ceil
from time import time
from typing import Any, NamedTuple

import msgspec

from hallmarket.server.errors import Forbidden, RateLimited, Unauthenticated
from hallmarket.server.http.reply import in_media_dialect
from hallmarket.server.http.visit import Visit
from hallmarket.server.http.window_storage import WindowStorage

WINDOW_S = 60
PUBLIC = "/v1/public/"


class Limits(msgspec.Struct, frozen=True):
    """Requests a minute; 0 is no limit."""

    key: int
    address: int
    failed: int


class Finder(NamedTuple):
    """How identity finds who speaks through a key or a token: `find` may ask the database, `find_known` never does."""

    find: Callable[[str], Awaitable[Any | None]]
    find_known: Callable[[str], Any | None]


class Admission:
    """Finds the caller of a request and counts it; `choose_context` puts them into the organization they name."""

    def __init__(
        self, limits: Limits, keys: Finder, tokens: Finder, choose_context: Callable[[Any, bytes | None], Any]
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._choose_context = choose_context
        self._storage = WindowStorage()
        self._key = Bucket(self._storage, "key", limits.key)
        self._address = Bucket(self._storage, "address", limits.address)
        self._failed = Bucket(self._storage, "failed", limits.failed)

    def admit_known(self, visit: Visit) -> bool:
        """Admit a request without a key, or with one that is remembered; whether that was so. Raises RateLimited."""
        finder, credential = self._credential(visit)
        if credential is None:
            self._address.count(visit, visit.client)
            return True
        caller = finder.find_known(credential)
        if caller is None:
            return False
        self._enter(visit, caller)
        return True

    async def admit(self, visit: Visit) -> None:
        """Set the visit's caller and its rate-limit headers. Raises RateLimited, and Unavailable with the database."""
        # Whoever has used up the failures of this address is not told whether one more key would have fitted.
        self._failed.check(visit, visit.client)
        finder, credential = self._credential(visit)
        assert credential is not None
        caller = await finder.find(credential)
        if caller is None:
            self._failed.count(visit, visit.client)
            return
        self._enter(visit, caller)

    def check_failures(self, visit: Visit) -> None:
        """Raises RateLimited if this address has tried too many bad keys."""
        self._failed.check(visit, visit.client)

    def count_failure(self, visit: Visit) -> None:
        """Count a bad key that came in a body. Raises RateLimited."""
        self._failed.count(visit, visit.client)

    def _credential(self, visit: Visit) -> tuple[Finder, str | None]:
        if in_media_dialect(visit.path):
            raw = None if visit.path.startswith(PUBLIC) else visit.headers.get(b"x-api-key")
            return self._keys, None if raw is None else raw.decode("latin-1")
        raw = visit.headers.get(b"authorization")
        return self._tokens, None if raw is None else raw.decode("latin-1")

    def _enter(self, visit: Visit, caller: Any) -> None:
        visit.caller = caller
        self._key.count(visit, str(visit.key_id))
        if not in_media_dialect(visit.path):
            visit.caller = self._choose_context(caller, visit.headers.get(b"x-ouro-org"))


class Bucket:
    """One kind of count, and the headers that tell of it."""

    def __init__(self, storage: WindowStorage, name: str, quota: int) -> None:
        self._storage = storage
        self._name = name
        self._quota = quota
        self._policy = f'"{name}";q={quota};w={WINDOW_S}'.encode()
        self._limit = b"%d" % quota
        self._state = f'"{name}";r=%d;t=%d'.encode()

    def count(self, visit: Visit, who: str) -> None:
        """Count one request. Raises RateLimited if it is one too many."""
        if self._quota:
            self._tell(visit, *self._storage.count(f"{self._name}/{who}", WINDOW_S))

    def check(self, visit: Visit, who: str) -> None:
        """Raises RateLimited if nothing is left; counts nothing."""
        if self._quota:
            key = f"{self._name}/{who}"
            if (used := self._storage.get(key)) >= self._quota:
                self._tell(visit, used + 1, self._storage.get_expiry(key))

    def _tell(self, visit: Visit, used: int, ends: float) -> None:
        left = max(self._quota - used, 0)
        reset = max(ceil(ends - time()), 1)
        visit.extra_headers += (
            (b"x-ratelimit-limit", self._limit),
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", b"%d" % reset),
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", self._state % (left, reset)),
        )
        if used > self._quota:
            raise RateLimited(reset)


def require_caller(visit: Visit, scope: str) -> None:
    """Raises Unauthenticated without a good key; Forbidden if it lacks `scope` or is bound to no organization."""
    if visit.caller is None:
        missing = b"x-api-key" not in visit.headers
        raise Unauthenticated(
            "Send an API key in the header x-api-key." if missing else "This API key is unknown, expired or revoked."
        )
    if visit.caller.organization_id is None:
        raise Forbidden("This API key is bound to no organization; make one with `admin create-key … --org ID`.")
    if scope not in visit.caller.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})


def require_token(visit: Visit, scope: str) -> None:
    """Raises Unauthenticated without a good token; Forbidden if its key lacks `scope`."""
    if visit.caller is None:
        missing = b"authorization" not in visit.headers
        raise Unauthenticated(
            "Send a token from POST /users/get-token in the header Authorization."
            if missing
            else "This token is forged or expired, or its API key is expired or revoked."
        )
    if scope not in visit.caller.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})
