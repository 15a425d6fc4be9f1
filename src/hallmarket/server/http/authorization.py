"""Authorization of a request: it needs a valid credential whose API key has the route's scope."""

from hallmarket.server.errors import Forbidden, Unauthenticated
from hallmarket.server.http.request_context import RequestContext


def require_api_key(context: RequestContext, scope: str) -> None:
    """Authorize a request of the media dialect.

    Raises Unauthenticated without a valid API key; Forbidden if the key lacks `scope` or is bound to no organization.
    """
    if context.authenticated is None:
        missing = b"x-api-key" not in context.headers
        raise Unauthenticated(
            "Send an API key in the header x-api-key." if missing else "This API key is unknown, expired or revoked."
        )
    if context.authenticated.organization_id is None:
        raise Forbidden(
            "This API key is bound to no organization; make one with `admin create-key … --org ID`.",
            {"field": "x-api-key"},
        )
    if scope not in context.authenticated.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})


def require_token(context: RequestContext, scope: str) -> None:
    """Authorize a request of the exchange dialect.

    Raises Unauthenticated without a valid token; Forbidden if the token's API key lacks `scope`.
    """
    if context.authenticated is None:
        missing = b"authorization" not in context.headers
        raise Unauthenticated(
            "Send a token from POST /users/get-token in the header Authorization."
            if missing
            else "This token is forged or expired, or its API key is expired or revoked."
        )
    if scope not in context.authenticated.scopes:
        raise Forbidden(f"This API key lacks the scope {scope}.", {"scope": scope})
