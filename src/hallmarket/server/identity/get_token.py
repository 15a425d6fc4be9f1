"""Issue an access token for an API key: `POST /users/get-token`, with which clients of the exchange dialect begin."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.principal import Principal


class TokenRequest(msgspec.Struct, frozen=True):
    """The body: an API key, which the reference calls a personal access token (PAT)."""

    pat: str


class TokenResponse(msgspec.Struct, frozen=True):
    """The reference's response, which has no envelope. All three tokens are the same one."""

    token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    error: dict[str, Any] | None = None
    api_key_org_id: UUID | None = None
    api_key_name: str | None = None


def issue_token(tokens: Tokens, principal: Principal) -> TokenResponse:
    """Issue a token for the caller's API key."""
    token = tokens.issue(principal)
    # Clients repeat the name in a header, which can contain only printable ASCII.
    name = "".join(letter if " " <= letter <= "~" else "?" for letter in principal.key_name or "")
    return TokenResponse(token, token, token, None, principal.organization_id, name)
