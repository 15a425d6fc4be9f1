"""Signed addresses on our own origin: each opens one thing for a while, to whoever has it, without a token.

A link speaks for the key it was made with, as a token does: it dies with that key, and what it opens is asked for anew
each time with the rights that the key's person has then. So a role that is taken away closes the links that are out.
"""

import hmac
import time
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import jwt

from hallmarket.server.errors import NotFound
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.principal import Principal

LIFETIME_S = 3600
MAX_TOKEN_LENGTH = 2048
ALGORITHM = "HS256"
Purpose = Literal["download", "upload", "uploaded"]
PATHS: dict[Purpose, str] = {"download": "/downloads/", "upload": "/uploads/", "uploaded": "/uploads/"}


class SignedUrls:
    """Makes links, and finds who speaks through one, and what about."""

    def __init__(self, authenticator: ApiKeyAuthenticator, secret: bytes, public_url: str) -> None:
        self._authenticator = authenticator
        self._secret = hmac.digest(secret, b"hallmarket link", "sha256")
        self._public_url = public_url if urlsplit(public_url).scheme else ""

    def make(
        self, principal: Principal, base_url: str, purpose: Purpose, subject_id: UUID, form: str | None = None
    ) -> str:
        """Return an absolute address that opens the subject for one purpose, for LIFETIME_S.

        `base_url` is used unless the operator set `--public-url`.
        """
        claims = {
            "aud": purpose,
            "sub": str(subject_id),
            "form": form,
            "key": str(principal.key_id),
            "exp": int(time.time()) + LIFETIME_S,
        }
        return (self._public_url or base_url) + PATHS[purpose] + jwt.encode(claims, self._secret, ALGORITHM)

    async def open(self, token: str, purpose: Purpose) -> tuple[Principal, UUID, str | None]:
        """Who speaks through a link, its subject, and its form if it has one.

        Raises NotFound if it is forged or expired, made for something else, or its key is dead; Unavailable.
        """
        claims = self._read(token, purpose)
        principal = None if claims is None else await self._authenticator.find(UUID(claims["key"]))
        if claims is None or principal is None:
            raise NotFound("This address is forged or expired, or its API key is expired or revoked. Ask for another.")
        return principal, UUID(claims["sub"]), claims["form"]

    def _read(self, token: str, purpose: Purpose) -> dict[str, Any] | None:
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        try:
            return jwt.decode(
                token, self._secret, [ALGORITHM], audience=purpose, options={"require": ["exp", "aud", "sub"]}
            )
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
