"""Access tokens: JSON Web Tokens (RFC 7519) that represent an API key for an hour.

They are signed with HS256 under a key that is derived from the server's secret. The signature is verified once per
token. Whether the API key is still valid is checked with every request, against the `ApiKeyAuthenticator`'s cache.
"""

import hmac
import time
from uuid import UUID

import jwt
from cachetools import LRUCache

from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.principal import Principal

LIFETIME_S = 3600
MAX_TOKEN_LENGTH = 4096
MAX_CACHED = 10_000
ALGORITHM = "HS256"


class Tokens:
    """Issues tokens, and finds the principal of a token."""

    def __init__(self, authenticator: ApiKeyAuthenticator, secret: bytes) -> None:
        self._authenticator = authenticator
        self._secret = hmac.digest(secret, b"hallmarket token", "sha256")
        self._verified: LRUCache[str, tuple[UUID, float]] = LRUCache(MAX_CACHED)  # token -> key id, expiry

    def issue(self, principal: Principal) -> str:
        """Issue a token for the caller's API key, valid for an hour or until the key expires."""
        now = int(time.time())
        expires_at = now + LIFETIME_S
        if principal.expires_at is not None:
            expires_at = min(expires_at, int(principal.expires_at))
        claims = {
            "sub": str(principal.person_id),
            "key": str(principal.key_id),
            "org": str(principal.organization_id) if principal.organization_id else None,
            "scopes": sorted(principal.scopes),
            "iat": now,
            "exp": expires_at,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def find_cached(self, header: str) -> Principal | None:
        """Return the principal of a verified token whose API key is cached. Never queries the database.

        `header` is the value of the header Authorization.
        """
        verified = self._verified.get(_token_of(header))
        if verified is None or verified[1] <= time.time():
            return None
        return self._authenticator.find_cached(verified[0])

    def was_valid(self, header: str) -> bool:
        """Return whether a token is signed by this server and has not expired. Its key may have been revoked since."""
        return self._verify(_token_of(header)) is not None

    async def find(self, header: str) -> Principal | None:
        """Return the principal of a token; None if it is forged or expired, or its key is. Raises Unavailable."""
        verified = self._verify(_token_of(header))
        return None if verified is None else await self._authenticator.find(verified[0])

    def _verify(self, token: str) -> tuple[UUID, float] | None:
        """Return the id of a token's API key and when the token expires; None if it is forged or expired."""
        verified = self._verified.get(token)
        if verified is None and len(token) <= MAX_TOKEN_LENGTH:
            try:
                claims = jwt.decode(token, self._secret, [ALGORITHM], options={"require": ["exp", "key"]})
                verified = UUID(claims["key"]), float(claims["exp"])
            except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
                return None
            self._verified[token] = verified
        return None if verified is None or verified[1] <= time.time() else verified


def _token_of(header: str) -> str:
    return header[7:].strip() if header[:7].lower() == "bearer " else header
