"""Buy a token with an API key: what an exchange client begins with."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.principal import Principal


class TokenRequest(msgspec.Struct, frozen=True):
    """The reference's body of `POST /users/get-token`: an API key, there called a personal access token."""

    pat: str


class TokenAnswer(msgspec.Struct, frozen=True):
    """The reference's answer, which has no envelope; `token` and `access_token` are the same, and renew alike."""

    token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    error: dict[str, Any] | None = None
    api_key_org_id: UUID | None = None
    api_key_name: str | None = None


def make_answer(tokens: Tokens, principal: Principal) -> TokenAnswer:
    """A token for the caller's key."""
    token = tokens.issue(principal)
    # Clients echo the name in a header, which takes printable ASCII only.
    name = "".join(letter if " " <= letter <= "~" else "?" for letter in principal.key_name or "")
    return TokenAnswer(token, token, token, None, principal.organization_id, name)
