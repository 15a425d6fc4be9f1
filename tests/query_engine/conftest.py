"""Fixtures: a small dataset in two Parquet files, and query engines over it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Column, Query, QueryLimits, ResultPage, Source

SECRET = "the other dataset's secret"


class EngineRunner:
    """A query engine with its own event loop, for tests that are not async."""

    def __init__(self, runner: asyncio.Runner, engine: QueryEngine, source: Source) -> None:
        self.run = runner.run
        self.engine = engine
        self.source = source

    def query(self, sql: str | None = None, source: Source | None = None, **page: Any) -> ResultPage:
        """Run a query and return a page of its result."""
        return self.run(self.engine.run(Query(source or self.source, sql, **page)))

    def rows(self, sql: str | None = None, source: Source | None = None, **page: Any) -> list[dict[str, Any]]:
        """Run a query and return its rows."""
        return json.loads(self.query(sql, source, **page).json)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the 500 rows of one dataset in two files, and the secret of another."""
    folder = tmp_path_factory.mktemp("kept-away")
    numbers = list(range(500))
    table = pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "city": pa.array([("Bern", "Zürich", None, "北京")[i % 4] for i in numbers]),
            "amount": pa.array([i / 4 for i in numbers], pa.float64()),
            "count": pa.array([i % 7 for i in numbers], pa.int64()),
        }
    )
    pyarrow.parquet.write_table(table.slice(0, 300), folder / "0.parquet")
    pyarrow.parquet.write_table(table.slice(300), folder / "1.parquet")
    pyarrow.parquet.write_table(pa.table({"secret": [SECRET]}), folder / "other.parquet")
    (folder / "other.csv").write_text(f"secret\n{SECRET}\n")
    return folder


@pytest.fixture(scope="session")
def source(folder: Path) -> Source:
    """The dataset with 500 rows."""
    types = {"id": "bigint", "city": "text", "amount": "double precision", "count": "bigint"}
    columns = tuple(Column(name, word) for name, word in types.items())
    return Source((folder / "0.parquet", folder / "1.parquet"), columns)


@pytest.fixture(scope="session")
def new_engine(source: Source) -> Iterator[Callable[..., EngineRunner]]:
    """Makes engines with the limits that a test needs; closes them at the end."""
    made: list[tuple[asyncio.Runner, QueryEngine]] = []

    def make(**limits: Any) -> EngineRunner:
        runner, engine = asyncio.Runner(), QueryEngine(QueryLimits(**limits))
        made.append((runner, engine))
        return EngineRunner(runner, engine, source)

    yield make
    for runner, engine in made:
        runner.run(engine.close())
        runner.close()


@pytest.fixture(scope="session")
def engine(new_engine: Callable[..., EngineRunner]) -> EngineRunner:
    """An engine with the default limits, shared by the tests that do not break it."""
    return new_engine()
