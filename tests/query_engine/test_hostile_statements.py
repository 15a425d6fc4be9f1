"""Hostile statements are rejected or stopped, and reveal nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hallmarket.server.query_engine.errors import InvalidQuery, QueryTimeout
from query_engine.conftest import SECRET, EngineRunner
from query_engine.hostile_statements import BOUNDED, REJECTED, STATEMENTS, STOPPED

INTERNALS = ("kept-away", ".parquet", "/dev/fd", "/proc/", "read_parquet", "hallmarket/", "allowed_", SECRET)


@pytest.fixture(scope="module")
def impatient(new_engine: Callable[..., EngineRunner]) -> EngineRunner:
    """An engine that stops a query after 2.5 seconds."""
    return new_engine(max_queries=1, timeout_s=2.5, memory_mib=256, max_result_mib=4)


@pytest.mark.parametrize("name", STATEMENTS)
def test_hostile_statement(name: str, impatient: EngineRunner, folder: Path) -> None:
    """A hostile statement is rejected or stopped, its error reveals no internals, and the next query works."""
    template, outcome = STATEMENTS[name]
    sql = template.replace("{folder}", str(folder))
    if outcome in (REJECTED, STOPPED, BOUNDED):
        with pytest.raises(InvalidQuery) as caught:
            impatient.query(sql)
        message = f"{caught.value.message} {caught.value.details}".replace(sql, "")
        assert not [word for word in INTERNALS if word in message and word not in sql], message
        if outcome != BOUNDED:
            assert isinstance(caught.value, QueryTimeout) == (outcome == STOPPED), message
    else:
        assert impatient.rows(sql) == outcome
    assert impatient.rows("select count(*) from {{table}}") == [{"count": 500}]
    assert not Path("/tmp/hallmarket-copied").exists()


def test_number_of_hostile_statements() -> None:
    """The list of hostile statements does not shrink."""
    assert len(STATEMENTS) >= 120
