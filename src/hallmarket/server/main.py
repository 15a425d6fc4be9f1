"""Builds a worker's application from the services, routes and fast paths that the rooms announce."""

import gc
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from litestar import Litestar

from hallmarket.proof.key import SigningKey
from hallmarket.server.database.connections import Database
from hallmarket.server.http.admission import Admission, CredentialFinder
from hallmarket.server.http.edge import Edge, FastHandler, FastPath
from hallmarket.server.http.litestar_app import make_litestar_app
from hallmarket.server.http.logging import RequestLog
from hallmarket.server.http.rate_limit import RateLimits
from hallmarket.server.http.reply import Reply
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.organization_context import select_organization
from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.room import Room, Services
from hallmarket.server.rooms import ROOMS
from hallmarket.server.settings import Settings

FindReady = Callable[[bytes], tuple[str, Reply] | None]
FindFast = Callable[[str, str], tuple[str, FastHandler] | None]


def make_app(
    settings: Settings, database_url: str, secret: bytes, key: SigningKey, rooms: Sequence[Room] = ROOMS
) -> Edge:
    """Build a worker's application."""
    services = Services(settings, rooms, database_url, secret, key)
    services.add(Database, lambda: Database(database_url, settings.database_connections), close=Database.close)
    services.add(Admission, lambda: _make_admission(services), close=Admission.close)
    database, admission = services.get(Database), services.get(Admission)
    routes = [route for room in rooms for route in room.routes(services)]
    fast_paths: list[FastPath] = [path for room in rooms for path in room.fast_paths(services)]

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        services.start()
        # The objects made so far live as long as the process, so the garbage collector must not visit them again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        try:
            yield
        finally:
            await services.close()

    return Edge(
        make_litestar_app(routes, lifespan, rooms),
        admission,
        _make_ready_finder(fast_paths),
        _make_fast_finder(fast_paths),
        RequestLog(sys.stderr.buffer) if settings.log_requests else None,
    )


def _make_admission(services: Services) -> Admission:
    settings, authenticator, tokens = services.settings, services.get(ApiKeyAuthenticator), services.get(Tokens)
    return Admission(
        RateLimits(settings.rate_limit_key, settings.rate_limit_address, settings.rate_limit_failed),
        settings.rate_limit_storage,
        services.rooms,
        CredentialFinder(authenticator.find, authenticator.find_cached, authenticator.was_valid),
        CredentialFinder(tokens.find, tokens.find_cached, tokens.was_valid),
        select_organization,
    )


def _make_ready_finder(fast_paths: Sequence[FastPath]) -> FindReady:
    """Return a function that finds a ready reply on any fast path that has some."""
    finders = [path.find_ready for path in fast_paths if path.find_ready is not None]
    if len(finders) == 1:
        return finders[0]

    def find(url: bytes) -> tuple[str, Reply] | None:
        return next((found for each in finders if (found := each(url)) is not None), None)

    return find


def _make_fast_finder(fast_paths: Sequence[FastPath]) -> FindFast:
    """Return a function that finds the handler of a request on any fast path."""
    finders = [path.find for path in fast_paths]

    def find(method: str, path: str) -> tuple[str, FastHandler] | None:
        for each in finders:
            if (found := each(method, path)) is not None:
                return found
        return None

    return find
