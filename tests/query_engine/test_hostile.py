"""What a query cannot do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hallmarket.server.query_engine.types import InvalidQuery, QueryTimeout
from query_engine.conftest import SECRET, Asking
from query_engine.hostile import BOUNDED, ENDED, REFUSED, STATEMENTS

OURS = ("kept-away", ".parquet", "/dev/fd", "/proc/", "read_parquet", "hallmarket/", "allowed_", SECRET)


@pytest.fixture(scope="module")
def impatient(new_asking: Callable[..., Asking]) -> Asking:
    """An engine that ends a query after two seconds and a half."""
    return new_asking(processes=1, timeout_s=2.5, memory_mib=256, max_result_mib=4)


@pytest.mark.parametrize("name", STATEMENTS)
def test_hostile(name: str, impatient: Asking, folder: Path) -> None:
    """A statement that wants more than to read its dataset is refused or ends, tells nothing, and harms no other."""
    sql, becomes = STATEMENTS[name]
    asked = sql.replace("{folder}", str(folder))
    if becomes in (REFUSED, ENDED, BOUNDED):
        with pytest.raises(InvalidQuery) as caught:
            impatient.ask(asked)
        said = f"{caught.value.message} {caught.value.details}".replace(asked, "")
        assert not [word for word in OURS if word in said and word not in asked], said
        if becomes != BOUNDED:
            assert isinstance(caught.value, QueryTimeout) == (becomes == ENDED), said
    else:
        assert impatient.rows(asked) == becomes
    assert impatient.rows("select count(*) from {{table}}") == [{"count": 500}]
    assert not Path("/tmp/hallmarket-copied").exists()


def test_enough() -> None:
    """The table of hostile statements does not shrink."""
    assert len(STATEMENTS) >= 120
