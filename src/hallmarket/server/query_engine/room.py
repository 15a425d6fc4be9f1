"""The room of queries over datasets."""

from typing import Annotated

from hallmarket.server.room import Room, Services
from hallmarket.server.settings import Help, SettingsGroup


class QueryEngineSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of queries over datasets."""

    query_processes: Annotated[
        int, Help("queries over datasets that each worker runs at the same time, and as many exports", "N", 1)
    ] = 2
    query_timeout_s: Annotated[int, Help("time limit of a query over a dataset, seconds", "S", 1)] = 10
    query_memory_mib: Annotated[int, Help("memory limit of a query over a dataset, MiB", "MIB", 64)] = 512


class QueryEngineRoom(Room):
    """Runs queries in separate, confined processes."""

    settings = QueryEngineSettings

    def provide(self, services: Services) -> None:
        """Add the query engine; it starts its processes with the first query."""
        from hallmarket.server.query_engine.engine import QueryEngine
        from hallmarket.server.query_engine.types import QueryLimits

        settings = services.settings.of(QueryEngineSettings)
        limits = QueryLimits(
            max_queries=settings.query_processes,
            max_exports=settings.query_processes,
            timeout_s=settings.query_timeout_s,
            memory_mib=settings.query_memory_mib,
        )
        services.add(QueryEngine, lambda: QueryEngine(limits), close=QueryEngine.close)


ROOM = QueryEngineRoom()
