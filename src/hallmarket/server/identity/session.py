"""Buy a token with an API key: what an exchange client begins with."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.identity.types import Caller


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


def make_answer(tokens: Tokens, caller: Caller) -> TokenAnswer:
    """A token for the caller's key."""
    token = tokens.issue(caller)
    # Clients echo the name in a header, which takes printable ASCII only.
    name = "".join(letter if " " <= letter <= "~" else "?" for letter in caller.key_name)
    return TokenAnswer(token, token, token, None, caller.organization_id, name)
