"""Signed URLs: each grants one download or upload for an hour to anyone who has it, without a token.

A signed URL acts with the API key that created it. It stops working when that key does, and every use checks the
current rights of the key's person. Revoking a role therefore also closes the URLs that were created with it.
"""

import hmac
import time
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import jwt
import msgspec

from hallmarket.server.errors import NotFound
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.principal import Principal

LIFETIME_S = 3600
MAX_TOKEN_LENGTH = 2048
ALGORITHM = "HS256"
Purpose = Literal["download", "upload", "uploaded"]  # "uploaded": download what was uploaded
PATHS: dict[Purpose, str] = {"download": "/downloads/", "upload": "/uploads/", "uploaded": "/uploads/"}


class UrlGrant(msgspec.Struct, frozen=True):
    """What a valid signed URL grants: access to the subject with the rights of the principal."""

    principal: Principal
    subject_id: UUID
    content_format: str | None


class SignedUrls:
    """Creates and checks signed URLs."""

    def __init__(self, authenticator: ApiKeyAuthenticator, secret: bytes, public_url: str) -> None:
        self._authenticator = authenticator
        self._secret = hmac.digest(secret, b"hallmarket link", "sha256")
        self._public_url = public_url if urlsplit(public_url).scheme else ""

    def sign(
        self, principal: Principal, base_url: str, purpose: Purpose, subject_id: UUID, content_format: str | None = None
    ) -> str:
        """Return an absolute URL that grants access to the subject for one purpose, for LIFETIME_S.

        `base_url` is used unless the operator set `--public-url`.
        """
        claims = {
            "aud": purpose,
            "sub": str(subject_id),
            "form": content_format,
            "key": str(principal.key_id),
            "exp": int(time.time()) + LIFETIME_S,
        }
        return (self._public_url or base_url) + PATHS[purpose] + jwt.encode(claims, self._secret, ALGORITHM)

    async def resolve(self, token: str, purpose: Purpose) -> UrlGrant:
        """Check the token in a signed URL's path and return what it grants.

        Raises NotFound if it is forged or expired, has another purpose, or its API key is invalid; Unavailable.
        """
        claims = self._decode(token, purpose)
        principal = None if claims is None else await self._authenticator.find(UUID(claims["key"]))
        if claims is None or principal is None:
            raise NotFound("This URL is forged or expired, or its API key is expired or revoked. Request a new URL.")
        return UrlGrant(principal, UUID(claims["sub"]), claims["form"])

    def _decode(self, token: str, purpose: Purpose) -> dict[str, Any] | None:
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        try:
            return jwt.decode(
                token, self._secret, [ALGORITHM], audience=purpose, options={"require": ["exp", "aud", "sub"]}
            )
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
