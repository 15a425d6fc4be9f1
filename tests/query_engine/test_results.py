"""Query results: exact values, pages and export formats."""

import csv
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet
import pytest

from hallmarket.server.query_engine.errors import InvalidQuery, ResultTooLarge
from hallmarket.server.query_engine.types import Column, Format, Query, Source
from query_engine.conftest import EngineRunner

EXACT: list[tuple[str, str, Any, str]] = [
    (
        "whole",
        "bigint",
        pa.array([2**63 - 1, -(2**63), None], pa.int64()),
        "[9223372036854775807,-9223372036854775808,null]",
    ),
    (
        "money",
        "numeric(38,9)",
        pa.array([Decimal("12345678901234567890.123456789"), Decimal("-0.000000001"), None], pa.decimal128(38, 9)),
        "[12345678901234567890.123456789,-0.000000001,null]",
    ),
    (
        "share",
        "numeric(2,2)",
        pa.array([Decimal("0.50"), Decimal("-0.25"), None], pa.decimal128(2, 2)),
        "[0.50,-0.25,null]",
    ),
    (
        "at",
        "timestamp with time zone",
        pa.array(
            [datetime(2024, 2, 29, 23, 59, 59, 1, UTC), datetime(1, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")
        ),
        '["2024-02-29T23:59:59.000001+00:00","0001-01-01T00:00:00.000000+00:00",null]',
    ),
    ("day", "date", pa.array([date(2024, 2, 29), date(1, 1, 1), None]), '["2024-02-29","0001-01-01",null]'),
    (
        "hour",
        "time",
        pa.array([time(1, 2, 3, 4), time(0), None], pa.time64("us")),
        '["01:02:03.000004","00:00:00",null]',
    ),
    (
        "key",
        "uuid",
        pa.array(["5f0c2a51-0000-4000-8000-000000000000", "F" * 8 + "-ffff-4fff-8fff-" + "f" * 12, None]),
        '["5f0c2a51-0000-4000-8000-000000000000","ffffffff-ffff-4fff-8fff-ffffffffffff",null]',
    ),
    ("yes", "boolean", pa.array([True, False, None]), "[true,false,null]"),
    ("double", "double precision", pa.array([0.1, float("nan"), float("-inf")]), "[0.1,null,null]"),
    (
        "small",
        "double precision",
        pa.array([5e-324, 1.7976931348623157e308, -0.0]),
        "[5e-324,1.7976931348623157e+308,-0.0]",
    ),
    (
        "text",
        "text",
        pa.array(['"\\\n\t,', "北京 \U0001f600 עברית", ""]),
        '["\\"\\\\\\n\\t,","北京 \U0001f600 עברית",""]',
    ),
    ("doc", "json", pa.array(['{"a" : [1,\n 2.50]}', "null", None]), '[{"a" : [1,  2.50]},null,null]'),
]


def _source(folder: Path, columns: dict[str, tuple[str, pa.Array]]) -> Source:
    path = folder / "exact.parquet"
    pyarrow.parquet.write_table(pa.table({name: values for name, (_, values) in columns.items()}), path)
    return Source((path,), tuple(Column(name, word) for name, (word, _) in columns.items()))


@pytest.mark.parametrize(("name", "type_", "values", "expected"), EXACT, ids=[item[0] for item in EXACT])
def test_exact_values(
    name: str, type_: str, values: pa.Array, expected: str, engine: EngineRunner, tmp_path: Path
) -> None:
    """Values come back exactly, to the last digit, with and without SQL; the column keeps its type."""
    source = _source(tmp_path, {name: (type_, values)})
    for sql in (None, f'select "{name}" from {{{{table}}}}'):
        page = engine.query(sql, source)
        cells = ",".join(item.split(":", 1)[1][:-1] for item in _objects(page.json))
        assert f"[{cells}]" == expected
        assert page.columns == (Column(name, type_),)


def _objects(text: bytes) -> list[str]:
    decoder, array, at, found = json.JSONDecoder(), text.decode(), 1, []
    while array[at] != "]":
        _, end = decoder.raw_decode(array, at)
        found.append(array[at:end])
        at = end + (array[end] == ",")
    return found


def test_types_of_results_only(engine: EngineRunner) -> None:
    """Types that only results have are encoded too: large sums, intervals, lists, structs, bytes. Keys are unique."""
    [row] = engine.rows("select sum(9223372036854775807::bigint) from {{table}}")
    assert row == {"sum": 500 * (2**63 - 1)}
    text = engine.query(
        "select interval '1 day 2 hours' b, array[1.5, null]::numeric(3,1)[] a, "
        "struct_pack(t := timestamptz '2024-01-01 01:00:00+01', n := null) s, "
        "map(array['k'], array['nan'::float]) m, 'ab'::bytea x"
    ).json
    assert text.decode() == (
        '[{"b":"1 day 02:00:00","a":[1.5,null],"s":{"t":"2024-01-01T00:00:00.000000+00:00","n":null},'
        '"m":[{"key":"k","value":null}],"x":"\\\\x6162"}]'
    )
    assert engine.rows("select id, id, count(*), count(*) from {{table}} where id = 3 group by id") == [
        {"id": 3, "id_1": 3, "count": 1, "count_1": 1}
    ]


def test_pages(engine: EngineRunner) -> None:
    """A page is cut from the query's result, after its own limit. `total` and `has_more` are exact."""
    sql = "select id from {{table}} order by id desc limit 25"
    seen: list[int] = []
    for offset in (0, 10, 20):
        page = engine.query(sql, offset=offset, limit=10)
        seen += [row["id"] for row in json.loads(page.json)]
        assert (page.total, page.has_more) == (25, offset < 20)
    assert seen == list(range(499, 474, -1))
    exact = engine.query(sql, offset=15, limit=10)
    assert (exact.row_count, exact.total, exact.has_more) == (10, 25, False)
    beyond = engine.query(sql, offset=30, limit=10)
    assert (beyond.json, beyond.total, beyond.has_more) == (b"[]", 25, False)
    assert engine.query(sql, offset=5).row_count == 20
    assert engine.query(limit=10, offset=300).total == 500
    assert engine.query(limit=10, count=False).total is None


def test_stored_order(engine: EngineRunner) -> None:
    """Without SQL, rows come in stored order on every page."""
    listed = [row["id"] for offset in range(0, 500, 90) for row in engine.rows(offset=offset, limit=90)]
    assert listed == list(range(500))


def test_missing_column(engine: EngineRunner, source: Source) -> None:
    """A column that a file lacks is null; a column that the version does not have cannot be read."""
    columns = (Column("later", "bigint"), Column("id", "bigint"))
    narrow = Source(source.paths, columns)
    assert engine.rows("select * from {{table}} where id = 1", narrow) == [{"later": None, "id": 1}]
    with pytest.raises(InvalidQuery, match="city"):
        engine.query("select city from {{table}}", narrow)
    empty = Source((), columns)
    assert engine.query("select count(later), sum(id) from {{table}}", empty).json == b'[{"count":0,"sum":null}]'
    assert engine.query(None, empty).json == b"[]"


def test_too_large(new_engine: Any) -> None:
    """A result above the limit is an error that names the limit."""
    engine = new_engine(max_result_mib=1, max_queries=1)
    with pytest.raises(ResultTooLarge, match="larger than 1 MiB"):
        engine.query("select repeat('x', 1000) from range(5000)")
    assert engine.query("select repeat('x', 1000) from range(5000)", limit=10).row_count == 10


@pytest.mark.parametrize("format_", Format)
def test_export(format_: Format, engine: EngineRunner, tmp_path: Path) -> None:
    """Every format has the same rows for a standard reader; null and the empty string differ."""
    columns = {name: (word, values) for name, word, values, _ in EXACT if name not in ("doc", "hour", "key")}
    source = _source(tmp_path, columns)

    async def export() -> bytes:
        return b"".join([piece async for piece in engine.engine.export(Query(source), format_)])

    exported = engine.run(export())
    listed = json.loads(engine.query(None, source).json, parse_float=Decimal)
    match format_:
        case Format.JSON:
            assert json.loads(exported, parse_float=Decimal) == listed
        case Format.NDJSON:
            assert [json.loads(line, parse_float=Decimal) for line in exported.splitlines()] == listed
        case Format.CSV:
            rows = list(csv.DictReader(io.StringIO(exported.decode(), newline="")))
            assert [row["text"] for row in rows] == [row["text"] for row in listed]
            assert [row["whole"] for row in rows] == ["9223372036854775807", "-9223372036854775808", ""]
            assert [row["at"] or None for row in rows] == [row["at"] for row in listed]
            assert exported.endswith(b',""\n')
        case _:
            opened = pyarrow.ipc.open_stream if format_ is Format.ARROW else pyarrow.parquet.read_table
            table = opened(pa.BufferReader(exported))
            table = table.read_all() if format_ is Format.ARROW else table
            for name, (_, values) in columns.items():
                assert table[name].combine_chunks().cast(values.type).to_pylist()[0] == values.to_pylist()[0]


def test_uuid_values(engine: EngineRunner, tmp_path: Path) -> None:
    """A UUID column compares as UUIDs, however its values were written."""
    source = _source(tmp_path, {"key": EXACT[6][1:3]})
    known = UUID("FFFFFFFF-ffff-4fff-8fff-ffffffffffff")
    assert engine.rows(f"select count(*) from {{{{table}}}} where key = '{known}'", source) == [{"count": 1}]
