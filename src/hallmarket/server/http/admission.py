"""Who comes in, and how often: authentication of the media dialect, and the rate limits of all of `/v1`.

Counting is by the library `limits`, in fixed windows of a minute: one count a key, one an address where there is no
key, and one an address for bad keys, so that guessing is slow without touching anybody's work.
"""

from collections.abc import Awaitable, Callable
from math import ceil
from time import time

import msgspec

from hallmarket.server.errors import Forbidden, RateLimited, Unauthenticated
from hallmarket.server.http.visit import Visit
from hallmarket.server.http.window_storage import WindowStorage

WINDOW_S = 60
PUBLIC = "/v1/public/"


class Limits(msgspec.Struct, frozen=True):
    """Requests a minute; 0 is no limit."""

    key: int
    address: int
    failed: int


class Admission:
    """Finds the caller of a request and counts it; `find_caller` and `find_known_caller` are identity's."""

    def __init__(
        self,
        limits: Limits,
        find_caller: Callable[[str], Awaitable[object | None]],
        find_known_caller: Callable[[str], object | None],
    ) -> None:
        self._find_caller = find_caller
        self._find_known = find_known_caller
        self._storage = WindowStorage()
        self._key = Bucket(self._storage, "key", limits.key)
        self._address = Bucket(self._storage, "address", limits.address)
        self._failed = Bucket(self._storage, "failed", limits.failed)

    def admit_known(self, visit: Visit) -> bool:
        """Admit a request without a key, or with one that is remembered; whether that was so. Raises RateLimited."""
        raw = visit.headers.get(b"x-api-key")
        if raw is None or visit.path.startswith(PUBLIC):
            self._address.count(visit, visit.client)
            return True
        visit.caller = self._find_known(raw.decode("latin-1"))
        if visit.caller is None:
            return False
        self._key.count(visit, str(visit.key_id))
        return True

    async def admit(self, visit: Visit) -> None:
        """Set the visit's caller and its rate-limit headers. Raises RateLimited, and Unavailable with the database."""
        # Whoever has used up the failures of this address is not told whether one more key would have fitted.
        self._failed.check(visit, visit.client)
        caller = await self._find_caller(visit.headers[b"x-api-key"].decode("latin-1"))
        if caller is None:
            self._failed.count(visit, visit.client)
            return
        visit.caller = caller
        self._key.count(visit, str(visit.key_id))


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
