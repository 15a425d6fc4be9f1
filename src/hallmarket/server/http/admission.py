"""Admission of requests: authenticate each one, and count it against its rate limit.

The media dialect sends an API key with each request; the exchange dialect sends a token that was issued for one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hallmarket.server.http.media_dialect import is_media_path
from hallmarket.server.http.rate_limit import RateLimit, RateLimits
from hallmarket.server.http.rate_limit_memory import MemoryCounters
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.principal import Principal
from hallmarket.server.room import RateClass, Room, find_rate_class, list_rate_classes

if TYPE_CHECKING:
    from hallmarket.server.http.rate_limit_redis import RedisCounters


class CredentialFinder(NamedTuple):
    """How identity finds the principal of an API key or token. Only `find` may query the database.

    `was_valid` is true if the credential was once valid; it is then not counted as a guess.
    """

    find: Callable[[str], Awaitable[Principal | None]]
    find_cached: Callable[[str], Principal | None]
    was_valid: Callable[[str], bool]


class Admission:
    """Authenticates requests and counts them. `select_organization` applies the organization that a header names."""

    def __init__(
        self,
        limits: RateLimits,
        redis_url: str,
        rooms: Sequence[Room],
        keys: CredentialFinder,
        tokens: CredentialFinder,
        select_organization: Callable[[Principal, bytes | None], Principal],
    ) -> None:
        """`redis_url` is where several servers share their counters, or "" if they do not."""
        self._rate_classes = list_rate_classes(rooms)
        self._keys = keys
        self._tokens = tokens
        self._select_organization = select_organization
        memory = MemoryCounters()
        self._redis = _connect_to_redis(redis_url, memory) if redis_url else None
        self._key_limit = RateLimit(memory, self._redis, "key", limits.key)
        self._address_limit = RateLimit(memory, self._redis, "address", limits.address)
        self._failed_limit = RateLimit(memory, self._redis, "failed", limits.failed)

    @property
    def counts_in_memory(self) -> bool:
        """Whether counting needs no waiting."""
        return self._redis is None

    def admit_cached(self, context: RequestContext) -> bool:
        """Admit a request without waiting if it has no credential or a cached one. Returns whether it was admitted.

        Raises RateLimited.
        """
        kind = find_rate_class(self._rate_classes, context.path)
        if kind == "unlimited":
            return True
        if self._redis is not None:
            return False
        finder, credential = self._credential(context, kind)
        if credential is None:
            self._address_limit.count_in_memory(context, context.client)
            return True
        principal = finder.find_cached(credential)
        if principal is None:
            return False
        context.authenticated = principal
        self._key_limit.count_in_memory(context, str(context.key_id))
        self._enter_organization(context)
        return True

    async def admit(self, context: RequestContext) -> None:
        """Set the request's principal and rate-limit headers.

        Raises RateLimited; Unavailable if the database is away.
        """
        finder, credential = self._credential(context, find_rate_class(self._rate_classes, context.path))
        if credential is None:
            await self._address_limit.count(context, context.client)
            return
        context.authenticated = finder.find_cached(credential) or await self._find(context, finder, credential)
        if context.authenticated is not None:
            await self._key_limit.count(context, str(context.key_id))
            self._enter_organization(context)

    async def find_by_key(self, context: RequestContext, key: str) -> Principal | None:
        """Find the principal of an API key that was sent in a body. An invalid key is counted as a failure.

        Raises RateLimited; Unavailable if the database is away.
        """
        return await self._find(context, self._keys, key)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            await self._redis.close()

    async def _find(self, context: RequestContext, finder: CredentialFinder, credential: str) -> Principal | None:
        # A client that has used up its failures must not learn whether another guess is valid.
        if not finder.was_valid(credential):
            await self._failed_limit.verify(context, context.client)
        principal = await finder.find(credential)
        if principal is None:
            await self._failed_limit.count(context, context.client)
        return principal

    def _credential(self, context: RequestContext, kind: RateClass) -> tuple[CredentialFinder, str | None]:
        if is_media_path(context.path):
            raw = None if kind == "address" else context.headers.get(b"x-api-key")
            return self._keys, None if raw is None else raw.decode("latin-1")
        raw = context.headers.get(b"authorization")
        return self._tokens, None if raw is None else raw.decode("latin-1")

    def _enter_organization(self, context: RequestContext) -> None:
        if context.authenticated is not None and not is_media_path(context.path):
            header = context.headers.get(b"x-ouro-org")
            context.authenticated = self._select_organization(context.authenticated, header)


def _connect_to_redis(url: str, memory: MemoryCounters) -> "RedisCounters":
    # Imported here because redis takes 0.1 s to import and few servers use it.
    from hallmarket.server.http.rate_limit_redis import RedisCounters

    return RedisCounters(url, memory)
