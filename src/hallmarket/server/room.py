"""What a room announces (routes, scopes, documentation, jobs, settings, metrics), and the services of a process.

A room's `room.py` imports nothing heavy at module level: the parent process and `hallmarket serve --help` load it too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from hallmarket.proof.key import SigningKey
from hallmarket.server.settings import Settings, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler
    from prometheus_client.core import Metric

# How requests are counted: per API key (per address without one), always per address, or not at all.
RateClass = Literal["key", "address", "unlimited"]
MaintenanceTask = Callable[[], Awaitable[object]]
LongRunningTask = Callable[[], Coroutine[Any, Any, None]]
MetricSource = Callable[[], "Awaitable[Sequence[Metric]]"]
# Updates the subjects of log entries, inside the sequencer's transaction: a connection and a SequencingResult.
SequencingHandler = Callable[[Any, Any], Awaitable[None]]


def list_scopes(rooms: "Sequence[Room]") -> tuple[str, ...]:
    """Return every scope that an API key can have."""
    return tuple(scope for room in rooms for scope in room.scopes)


def list_rate_classes(rooms: "Sequence[Room]") -> tuple[tuple[str, RateClass], ...]:
    """Return every path prefix whose requests are not counted per API key, with its rate class."""
    return tuple((prefix, kind) for room in rooms for prefix, kind in room.rate_classes.items())


def find_rate_class(rate_classes: Sequence[tuple[str, RateClass]], path: str) -> RateClass:
    """Return how requests of a path are counted; `rate_classes` are those of `list_rate_classes`."""
    return next((kind for prefix, kind in rate_classes if path.startswith(prefix)), "key")


Service = TypeVar("Service")
Make = Callable[[], Any]
Run = Callable[[Any], Coroutine[Any, Any, None]]
Close = Callable[[Any], Awaitable[None]]


class JobHandler(msgspec.Struct, frozen=True):
    """The code that runs jobs of one kind.

    `run` gets the payload as JSON. It must be idempotent: a job runs again after a crash, and may run on two servers at
    the same time. An exception is a failed attempt; Unavailable only delays the job. After the last failed attempt
    `on_give_up` gets the payload and the reason.
    """

    run: Callable[[bytes], Coroutine[Any, Any, None]]
    on_give_up: Callable[[bytes, str], Coroutine[Any, Any, None]]


class Area(msgspec.Struct, frozen=True):
    """A chapter of the OpenAPI document: the routes whose paths begin with one of the prefixes.

    A path belongs to the area with the longest prefix.
    """

    name: str
    description: str
    prefixes: tuple[str, ...]


class Room:
    """A subject of the server. A room overrides what it has; the process roots read the rest as empty."""

    areas: tuple[Area, ...] = ()
    scopes: tuple[str, ...] = ()  # what an API key may be allowed to do here
    rate_classes: Mapping[str, RateClass] = {}  # by path prefix, where it is not "key"
    settings: type[SettingsGroup] | None = None

    def provide(self, services: "Services") -> None:
        """Add the room's services to a process."""

    def routes(self, services: "Services") -> "Sequence[HTTPRouteHandler]":  # noqa: ARG002 (rooms use it)
        """The HTTP routes. A route declares its scope, queries and errors in its `opt`."""
        return ()

    def fast_paths(self, services: "Services") -> Sequence[Any]:  # noqa: ARG002
        """The `FastPath`s that answer before the framework's router."""
        return ()

    def jobs(self, services: "Services") -> Mapping[str, JobHandler]:  # noqa: ARG002
        """The handler of each kind of background job."""
        return {}

    def maintenance(self, services: "Services") -> Sequence[MaintenanceTask]:  # noqa: ARG002
        """Tasks that the background process runs every ten minutes, such as deleting expired rows."""
        return ()

    def long_running(self, services: "Services") -> Sequence[LongRunningTask]:  # noqa: ARG002
        """Tasks that the background process runs until it ends."""
        return ()

    def sequencing_handlers(self) -> Mapping[str, SequencingHandler]:
        """Handlers of the room's log entries by kind, called when the entries are in the log."""
        return {}

    def metrics(self, services: "Services") -> Sequence[MetricSource]:  # noqa: ARG002
        """Gauges that are read from the database when `/metrics` is requested."""
        return ()

    def downloads(self, services: "Services") -> Mapping[str, Any]:  # noqa: ARG002
        """The content of the room's types of assets, by type, for the catalog's downloads."""
        return {}

    def embeddable(self, services: "Services") -> Mapping[str, Any]:  # noqa: ARG002
        """Functions that create the assets embedded in a post, by type of asset."""
        return {}

    def preview_listeners(self, services: "Services") -> Sequence[Any]:  # noqa: ARG002
        """Functions that are called when the preview of a blob is ready."""
        return ()


class Services:
    """The process's services by type. Rooms add them in `provide`, and routes, jobs and metrics get them."""

    def __init__(
        self,
        settings: Settings,
        rooms: "Sequence[Room]",
        database_url: str,
        secret: bytes,
        key: SigningKey | None = None,
    ) -> None:
        """`secret` keys the hashes of API keys; `key` is the log's signing key, in processes that have it."""
        self.settings = settings
        self.rooms = tuple(rooms)
        self.database_url = database_url
        self.secret = secret
        self._key = key
        self._factories: dict[type, tuple[Make, Run | None, Close | None]] = {}
        self._made: dict[type, Any] = {}
        self._tasks: list[asyncio.Task[None]] = []
        for room in self.rooms:
            room.provide(self)

    @property
    def key(self) -> SigningKey:
        """The log's signing key."""
        assert self._key is not None
        return self._key

    def add(
        self,
        kind: type[Service],
        make: Callable[[], Service],
        *,
        run: Callable[[Service], Coroutine[Any, Any, None]] | None = None,
        close: Callable[[Service], Awaitable[None]] | None = None,
    ) -> None:
        """Add a service: how to make it, what it runs while the process lives, and how to close it."""
        self._factories[kind] = make, run, close

    def get(self, kind: type[Service]) -> Service:
        """Return the process's service of a type, creating it at the first call."""
        if kind not in self._made:
            self._made[kind] = self._factories[kind][0]()
        service = self._made[kind]
        assert isinstance(service, kind)
        return service

    def start(self) -> None:
        """Start the services' tasks. Called in the event loop when the database is open."""
        for kind, service in self._made.items():
            run = self._factories[kind][1]
            if run is not None:
                self._tasks.append(asyncio.create_task(run(service)))

    async def close(self) -> None:
        """Stop the running tasks, then close every service in reverse order of creation."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # also if a task has failed earlier
        for kind, service in reversed(self._made.items()):
            close = self._factories[kind][2]
            if close is not None:
                await close(service)
