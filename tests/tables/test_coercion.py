"""Conversion of JSON rows to columns: exact values, and the official client's quirks."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_rows import coerce_rows
from hallmarket.server.tables.coerce_values import coerce_values
from hallmarket.server.tables.column_types import TIMESTAMPTZ
from hallmarket.server.tables.columns import MAX_COLUMNS
from hallmarket.server.tables.type_inference import correct_bigint_columns, infer_json_columns
from hallmarket.server.tables.types import Column

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
BIG = 10**38 - 1


@pytest.mark.parametrize(
    ("kind", "json", "stored"),
    [
        ("bigint", "[9223372036854775807, -9223372036854775808, null]", [2**63 - 1, -(2**63), None]),
        ("bigint", "[true, null]", [1, None]),
        ("bigint", '["12", "NaT", "", 3.0, 1152921504606846977]', [12, None, None, 3, 2**60 + 1]),
        ("text", '[1, "a", null, 2.5, true, "NaT", {"a": [1]}]', ["1", "a", None, "2.5", "true", "NaT", '{"a":[1]}']),
        ("text", "[18446744073709551616]", ["18446744073709551616"]),
        ("double precision", '[1, 2.5, null, "nan", "1e3", true]', [1.0, 2.5, None, None, 1000.0, 1.0]),
        ("boolean", '[true, 0, 1, "false", null]', [True, False, True, False, None]),
        ("numeric(38,0)", f"[{BIG}, -{BIG}]", [Decimal(BIG), Decimal(-BIG)]),
        (
            "numeric(5,2)",
            '[1.25, "1.2", 3, "1e2", 0, null]',
            [Decimal(x) for x in ("1.25", "1.20", "3", "100", "0")] + [None],
        ),
        (
            "numeric",
            '["12345678901234567890123456.123456789012"]',
            [Decimal("12345678901234567890123456.123456789012")],
        ),
        (TIMESTAMPTZ, '["2024-01-01T00:00:00", "2024-01-01T02:00:00+02:00", "NaT", null]', [FIRST, FIRST, None, None]),
        (TIMESTAMPTZ, '["2024-01-01T00:00:00Z", "2023-12-31T19:00:00-05:00"]', [FIRST, FIRST]),
        (TIMESTAMPTZ, '["2024-01-01T00:00:00.000001999"]', [FIRST.replace(microsecond=1)]),
        ("timestamp", '["2024-01-01T02:00:00+02:00", "2024-01-01"]', [FIRST.replace(tzinfo=None)] * 2),
        ("date", '["2024-01-01", "2024-01-01T00:00:00", "NaT"]', [FIRST.date(), FIRST.date(), None]),
        ("time", '["12:30", "12:30:00.5"]', ["12:30:00", "12:30:00.500000"]),
        ("uuid", '["0123456789ABCDEF0123456789abcdef"]', ["01234567-89ab-cdef-0123-456789abcdef"]),
        ("jsonb", '[{"a": 1}, "{\\"b\\": 1}", "x", [1]]', ['{"a":1}', '{"b": 1}', '"x"', "[1]"]),
    ],
)
def test_values_are_stored_exactly(kind: str, json: str, stored: list[Any]) -> None:
    """Values that the official client sends for a column of this type are stored exactly."""
    assert coerce_values(Column("c", kind), msgspec.json.decode(json)).to_pylist() == stored


@pytest.mark.parametrize(
    ("kind", "json"),
    [
        ("bigint", "[1, 9223372036854775808]"),
        ("bigint", "[1, 1.5]"),
        ("bigint", '[1, "0 days 00:00:01"]'),
        ("bigint", "[1, {}]"),
        ("integer", "[1, 2147483648]"),
        ("smallint", "[1, 32768]"),
        ("real", "[1, 1e300]"),
        ("double precision", '[1, "x"]'),
        ("double precision", "[1, [2]]"),
        ("double precision", '[1, "1e400"]'),
        ("boolean", "[true, 2]"),
        ("numeric(5,2)", "[1, 1.255]"),
        ("numeric(5,2)", "[1, 1000]"),
        ("numeric", '[1, "x"]'),
        ("numeric", "[1, []]"),
        (TIMESTAMPTZ, '["2024-01-01", 5]'),
        (TIMESTAMPTZ, '["2024-01-01", "soon"]'),
        (TIMESTAMPTZ, '["2024-01-01T00:00:00+00:00", "0001-01-01T00:00:00+05:00"]'),
        ("date", '["2024-01-01", "2024-02-30"]'),
        ("date", '["2024-01-01", "2024-01-01T01:00:00"]'),
        ("time", '["12:00", "25:00"]'),
        ("time", '["12:00", "12:00+01:00"]'),
        ("uuid", '["0123456789ABCDEF0123456789abcdef", "x"]'),
    ],
)
def test_values_that_do_not_fit(kind: str, json: str) -> None:
    """A value that cannot be stored exactly is rejected with its column and row."""
    with pytest.raises(InvalidRequest, match=r"Column c, row 2: .+ is not") as rejected:
        coerce_values(Column("c", kind), msgspec.json.decode(json))
    assert rejected.value.details is not None
    assert rejected.value.details["field"] == "c"


def test_enum_values() -> None:
    """An enum column accepts its allowed values and null, and no other value."""
    column = Column("c", "text", enum_values=("todo", "done"))
    assert coerce_values(column, ["done", None]).to_pylist() == ["done", None]
    with pytest.raises(InvalidRequest, match="Column c, row 2: later is not one of todo, done"):
        coerce_values(column, [None, "later"])


def test_lone_surrogate() -> None:
    """A string that UTF-8 cannot encode is rejected."""
    with pytest.raises(InvalidRequest):
        coerce_values(Column("c", "text"), ["a", "\ud800"])


def test_keys_are_matched_by_any_spelling() -> None:
    """Keys are normalised; unknown keys are counted; a missing key is null, and recorded as not sent."""
    columns = (Column("sample_id", "bigint"), Column("v", "text"), Column("w", "text"))
    rows = coerce_rows(columns, [{"Sample ID": 1, "V": None}, {"sample_id": 2, "x": 5}, {"v": "a", "x": 6}])
    assert rows.table.to_pylist() == [
        {"sample_id": 1, "v": None, "w": None},
        {"sample_id": 2, "v": None, "w": None},
        {"sample_id": None, "v": "a", "w": None},
    ]
    assert rows.ignored == {"x": 2}
    sent = {name: None if mask is None else mask.to_pylist() for name, mask in rows.sent.items()}
    assert sent == {"sample_id": [True, True, False], "v": [True, False, True]}
    with pytest.raises(InvalidRequest, match="Row 1 has V and v"):
        coerce_rows(columns, [{"V": 1, "v": 2}])


class CountingRow(dict[str, Any]):
    """A row that counts how often a key is looked up in it."""

    lookups = 0

    def __contains__(self, key: object) -> bool:
        CountingRow.lookups += 1
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Look up a key, as a dict does."""
        CountingRow.lookups += 1
        return super().get(key, default)


def test_unknown_keys_take_linear_time() -> None:
    """If every row has an unknown key of its own, the time grows with the number of rows, not with its square."""
    rows = [CountingRow({"a": number, f"x{number}": 1}) for number in range(MAX_COLUMNS + 1)]
    CountingRow.lookups = 0
    read = coerce_rows((Column("a", "bigint"),), rows)
    assert read.ignored == {f"x{number}": 1 for number in range(len(rows))}
    with pytest.raises(InvalidRequest, match="at most 1600 columns"):
        infer_json_columns([rows])
    assert CountingRow.lookups <= len(rows)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "boolean"),
        (["0 days 00:00:01", None], "text"),
        ([2**63, None], "numeric(38,0)"),
        ([1, None], "bigint"),
        ([None], "bigint"),
        (["12", "NaT"], "bigint"),
        ([True, 1], "bigint"),
    ],
)
def test_bigint_columns_are_corrected(values: list[Any], kind: str) -> None:
    """A column that pandas declares BIGINT gets the type of its values."""
    assert correct_bigint_columns((Column("c", "bigint"),), [{"c": value} for value in values])[0].type == kind


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_integers_come_back(values: list[int | None]) -> None:
    """64-bit integers come back exactly; none passes through a double."""
    sent = msgspec.json.decode(msgspec.json.encode(values))
    assert coerce_values(Column("c", "bigint"), sent).to_pylist() == values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | st.none()))
def test_doubles_come_back(values: list[float | None]) -> None:
    """Doubles come back exactly, those without a fraction too."""
    sent = msgspec.json.decode(msgspec.json.encode(values))
    assert coerce_values(Column("c", "double precision"), sent).to_pylist() == values


@given(st.lists(st.text() | st.none()))
def test_texts_come_back(values: list[str | None]) -> None:
    """Any text comes back unchanged."""
    assert coerce_values(Column("c", "text"), values).to_pylist() == values


@given(st.lists(st.datetimes(timezones=st.just(UTC)) | st.datetimes() | st.none(), min_size=1))
def test_timestamps_come_back(values: list[datetime | None]) -> None:
    """Timestamps keep their microseconds. One without an offset is in UTC."""
    sent = [value and value.isoformat() for value in values]
    expected = [value and value.replace(tzinfo=UTC) for value in values]
    assert coerce_values(Column("c", TIMESTAMPTZ), sent).to_pylist() == expected
