"""A small dataset in two Parquet files, and an engine that answers about it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from hallmarket.server.query_engine.pool import Engine
from hallmarket.server.query_engine.types import Column, Limits, Query, Rows, Source

SECRET = "the other dataset's secret"


class Asking:
    """An engine with a loop of its own, asked from plain tests."""

    def __init__(self, runner: asyncio.Runner, engine: Engine, source: Source) -> None:
        self.run = runner.run
        self.engine = engine
        self.source = source

    def ask(self, sql: str | None = None, source: Source | None = None, **page: Any) -> Rows:
        """A query's answer."""
        return self.run(self.engine.ask(Query(source or self.source, sql, **page)))

    def rows(self, sql: str | None = None, source: Source | None = None, **page: Any) -> list[dict[str, Any]]:
        """A query's rows."""
        return json.loads(self.ask(sql, source, **page).json)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two datasets: 500 rows in two files, and another's secret."""
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
    """The dataset of 500 rows."""
    types = {"id": "bigint", "city": "text", "amount": "double precision", "count": "bigint"}
    columns = tuple(Column(name, word) for name, word in types.items())
    return Source((folder / "0.parquet", folder / "1.parquet"), columns)


@pytest.fixture(scope="session")
def new_asking(source: Source) -> Iterator[Callable[..., Asking]]:
    """Engines with limits of one's own, closed at the end."""
    made: list[tuple[asyncio.Runner, Engine]] = []

    def make(**limits: Any) -> Asking:
        runner, engine = asyncio.Runner(), Engine(Limits(**limits))
        made.append((runner, engine))
        return Asking(runner, engine, source)

    yield make
    for runner, engine in made:
        runner.run(engine.close())
        runner.close()


@pytest.fixture(scope="session")
def asking(new_asking: Callable[..., Asking]) -> Asking:
    """An engine as the server has it, shared by the tests that leave it whole."""
    return new_asking()
