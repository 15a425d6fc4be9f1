"""Access tokens: JSON Web Tokens (RFC 7519) that stand for an API key for an hour.

They are signed with HS256 under a key derived from the server's secret. The signature is checked once per token;
whether its API key is still valid is checked at every request, against the `ApiKeyAuthenticator`'s cache.
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
    """Issues tokens, and finds who speaks through one."""

    def __init__(self, authenticator: ApiKeyAuthenticator, secret: bytes) -> None:
        self._authenticator = authenticator
        self._secret = hmac.digest(secret, b"hallmarket token", "sha256")
        self._checked: LRUCache[str, tuple[UUID, float]] = LRUCache(MAX_CACHED)

    def issue(self, principal: Principal) -> str:
        """A token for the caller's key, good for an hour or until the key expires."""
        now = int(time.time())
        ends = now + LIFETIME_S
        if principal.expires_at is not None:
            ends = min(ends, int(principal.expires_at))
        claims = {
            "sub": str(principal.person_id),
            "key": str(principal.key_id),
            "org": str(principal.organization_id) if principal.organization_id else None,
            "scopes": sorted(principal.scopes),
            "iat": now,
            "exp": ends,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def find_known(self, text: str) -> Principal | None:
        """Who speaks through a token seen before, with a key that is remembered; never asks the database."""
        checked = self._checked.get(_bare(text))
        if checked is None or checked[1] <= time.time():
            return None
        return self._authenticator.find_known(checked[0])

    def was_good(self, text: str) -> bool:
        """Whether a token is one of ours that has not expired; its key may have been revoked since."""
        return self._check(_bare(text)) is not None

    async def find(self, text: str) -> Principal | None:
        """Who speaks through a token, or None if it is forged, expired, or its key is. Raises Unavailable."""
        checked = self._check(_bare(text))
        return None if checked is None else await self._authenticator.find(checked[0])

    def _check(self, token: str) -> tuple[UUID, float] | None:
        """A token's key, and when the token expires; None if it is forged or expired."""
        checked = self._checked.get(token)
        if checked is None and len(token) <= MAX_TOKEN_LENGTH:
            try:
                claims = jwt.decode(token, self._secret, [ALGORITHM], options={"require": ["exp", "key"]})
                checked = UUID(claims["key"]), float(claims["exp"])
            except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
                return None
            self._checked[token] = checked
        return None if checked is None or checked[1] <= time.time() else checked


def _bare(text: str) -> str:
    return text[7:].strip() if text[:7].lower() == "bearer " else text
