"""The identity room: people, organizations, API keys and tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from hallmarket.server.room import Area, Room, Services, list_scopes
from hallmarket.server.settings import Help, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class IdentitySettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of identity."""

    secret_key: Annotated[
        str, Help("secret that keys the hashes of API keys, instead of the one stored in the database", "TEXT")
    ] = ""


class IdentityRoom(Room):
    """People, organizations, members, API keys and access tokens."""

    areas = (
        Area("Users", "People: profiles, search, follows.", ("/users", "/user")),
        Area(
            "Tokens",
            "Exchange an API key for a token that is valid for an hour.",
            ("/users/get-token",),
        ),
        Area("API keys", "Your own API keys.", ("/user/api-keys",)),
        Area("Organizations", "Organizations, their members and their context.", ("/organizations",)),
    )
    scopes = (
        "users:read",
        "users:write",
        "organizations:read",
        "organizations:write",
        "keys:read",
        "keys:write",
    )
    settings = IdentitySettings

    def provide(self, services: Services) -> None:
        """Add the authenticators of API keys and of tokens."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
        from hallmarket.server.identity.tokens import Tokens

        services.add(
            ApiKeyAuthenticator,
            lambda: ApiKeyAuthenticator(services.get(Database), services.secret),
            run=ApiKeyAuthenticator.run,
            close=ApiKeyAuthenticator.save_uses,
        )
        services.add(Tokens, lambda: Tokens(services.get(ApiKeyAuthenticator), services.secret))

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of people, organizations and keys."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.http.admission import Admission
        from hallmarket.server.identity.api_key_routes import api_key_routes
        from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
        from hallmarket.server.identity.join_routes import join_routes
        from hallmarket.server.identity.member_routes import member_routes
        from hallmarket.server.identity.organization_routes import organization_routes
        from hallmarket.server.identity.profile_routes import profile_routes
        from hallmarket.server.identity.routes import identity_routes
        from hallmarket.server.identity.tokens import Tokens

        database, authenticator = services.get(Database), services.get(ApiKeyAuthenticator)
        return [
            *identity_routes(database, services.get(Tokens), services.get(Admission)),
            *profile_routes(database, authenticator),
            *organization_routes(database, authenticator),
            *member_routes(database, authenticator),
            *join_routes(database, authenticator),
            *api_key_routes(database, authenticator, services.secret, list_scopes(services.rooms)),
        ]

    def fast_paths(self, services: Services) -> Sequence[Any]:  # noqa: ARG002
        """Return the fast path of `GET /user`."""
        from hallmarket.server.http.edge import FastPath
        from hallmarket.server.identity.fast_routes import find_fast_handler

        return [FastPath(find_fast_handler)]


ROOM = IdentityRoom()
