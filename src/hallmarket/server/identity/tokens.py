"""Tokens: bought with an API key, they speak for it for an hour, and die with it at once.

JSON Web Tokens (RFC 7519) signed with HS256 under a key derived from the server's secret. A token's signature is
checked when it is first seen; whether its key still lives is asked at every request, of what `Keyring` remembers.
"""

import hmac
import time
from uuid import UUID

import jwt
from cachetools import LRUCache

from hallmarket.server.identity.authenticate import Keyring
from hallmarket.server.identity.types import Caller

LIFETIME_S = 3600
LONGEST_TOKEN = 4096
MOST_REMEMBERED = 10_000
ALGORITHM = "HS256"


class Tokens:
    """Issues tokens, and finds who speaks through one."""

    def __init__(self, keyring: Keyring, secret: bytes) -> None:
        self._keyring = keyring
        self._secret = hmac.digest(secret, b"hallmarket token", "sha256")
        self._checked: LRUCache[str, tuple[UUID, float]] = LRUCache(MOST_REMEMBERED)

    def issue(self, caller: Caller) -> str:
        """A token for the caller's key, good for an hour or until the key expires."""
        now = int(time.time())
        ends = now + LIFETIME_S
        if caller.expires_at is not None:
            ends = min(ends, int(caller.expires_at))
        claims = {
            "sub": str(caller.person_id),
            "key": str(caller.key_id),
            "org": str(caller.organization_id) if caller.organization_id else None,
            "scopes": sorted(caller.scopes),
            "iat": now,
            "exp": ends,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def find_known(self, text: str) -> Caller | None:
        """Who speaks through a token seen before, with a key that is remembered; never asks the database."""
        checked = self._checked.get(_bare(text))
        if checked is None or checked[1] <= time.time():
            return None
        return self._keyring.find_known(checked[0])

    def was_good(self, text: str) -> bool:
        """Whether a token is one of ours that has not expired; its key may have been revoked since."""
        return self._check(_bare(text)) is not None

    async def find(self, text: str) -> Caller | None:
        """Who speaks through a token, or None if it is forged, expired, or its key is. Raises Unavailable."""
        checked = self._check(_bare(text))
        return None if checked is None else await self._keyring.find(checked[0])

    def _check(self, token: str) -> tuple[UUID, float] | None:
        """A token's key, and when the token expires; None if it is forged or expired."""
        checked = self._checked.get(token)
        if checked is None and len(token) <= LONGEST_TOKEN:
            try:
                claims = jwt.decode(token, self._secret, [ALGORITHM], options={"require": ["exp", "key"]})
                checked = UUID(claims["key"]), float(claims["exp"])
            except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
                return None
            self._checked[token] = checked
        return None if checked is None or checked[1] <= time.time() else checked


def _bare(text: str) -> str:
    return text[7:].strip() if text[:7].lower() == "bearer " else text
