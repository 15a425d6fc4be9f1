"""Buy a token with an API key, and ask who one is: what an exchange client begins with."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.pool import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unauthenticated
from hallmarket.server.identity.authenticate import Keyring
from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.identity.types import Caller

sql = load_queries(__package__)


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


class Me(msgspec.Struct, frozen=True):
    """Whose token it is."""

    id: UUID
    user_id: UUID
    username: str
    name: str | None
    email: str | None


async def get_token(keyring: Keyring, tokens: Tokens, wanted: TokenRequest) -> TokenAnswer | None:
    """A token for the key, or None if the key is unknown, expired or revoked. Raises Unavailable."""
    caller = await keyring.find(wanted.pat)
    if caller is None:
        return None
    token = tokens.issue(caller)
    # Clients echo the name in a header, which takes printable ASCII only.
    name = "".join(letter if " " <= letter <= "~" else "?" for letter in caller.key_name)
    return TokenAnswer(token, token, token, None, caller.organization_id, name)


async def get_me(database: Database, caller: Caller) -> Me:
    """The caller. Raises Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.get_me, caller.person_id)
    if row is None:
        raise Unauthenticated("The person behind this token is gone.")
    return Me(row["id"], row["id"], row["username"], row["name"], row["email"])
