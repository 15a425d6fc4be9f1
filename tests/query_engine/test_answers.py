"""What a query answers: values as they are, pages, formats."""

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

from hallmarket.server.query_engine.types import Column, Format, InvalidQuery, Query, ResultTooLarge, Source
from query_engine.conftest import Asking

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


@pytest.mark.parametrize(("name", "word", "values", "said"), EXACT, ids=[item[0] for item in EXACT])
def test_exact(name: str, word: str, values: pa.Array, said: str, asking: Asking, tmp_path: Path) -> None:
    """A value survives as what it is, to the last digit, listed or queried; its column keeps its type."""
    source = _source(tmp_path, {name: (word, values)})
    for sql in (None, f'select "{name}" from {{{{table}}}}'):
        answer = asking.ask(sql, source)
        cells = ",".join(item.split(":", 1)[1][:-1] for item in _objects(answer.json))
        assert f"[{cells}]" == said
        assert answer.columns == (Column(name, word),)


def _objects(text: bytes) -> list[str]:
    decoder, said, at, found = json.JSONDecoder(), text.decode(), 1, []
    while said[at] != "]":
        _, end = decoder.raw_decode(said, at)
        found.append(said[at:end])
        at = end + (said[end] == ",")
    return found


def test_results(asking: Asking) -> None:
    """What only results have gets a form too: huge sums, intervals, lists, structs, bytes; keys in order."""
    [row] = asking.rows(
        "select sum(9223372036854775807::bigint) from {{table}}",
    )
    assert row == {"sum": 500 * (2**63 - 1)}
    text = asking.ask(
        "select interval '1 day 2 hours' b, array[1.5, null]::numeric(3,1)[] a, "
        "struct_pack(t := timestamptz '2024-01-01 01:00:00+01', n := null) s, "
        "map(array['k'], array['nan'::float]) m, 'ab'::bytea x"
    ).json
    assert text.decode() == (
        '[{"b":"1 day 02:00:00","a":[1.5,null],"s":{"t":"2024-01-01T00:00:00.000000+00:00","n":null},'
        '"m":[{"key":"k","value":null}],"x":"\\\\x6162"}]'
    )
    assert asking.rows("select id, id, count(*), count(*) from {{table}} where id = 3 group by id") == [
        {"id": 3, "id_1": 3, "count": 1, "count_1": 1}
    ]


def test_pages(asking: Asking) -> None:
    """A page is cut from the query's own result, limit included; `total` is that result's size and `has_more` exact."""
    sql = "select id from {{table}} order by id desc limit 25"
    seen: list[int] = []
    for offset in (0, 10, 20):
        answer = asking.ask(sql, offset=offset, limit=10)
        seen += [row["id"] for row in json.loads(answer.json)]
        assert (answer.total, answer.has_more) == (25, offset < 20)
    assert seen == list(range(499, 474, -1))
    exact = asking.ask(sql, offset=15, limit=10)
    assert (exact.rows, exact.total, exact.has_more) == (10, 25, False)
    beyond = asking.ask(sql, offset=30, limit=10)
    assert (beyond.json, beyond.total, beyond.has_more) == (b"[]", 25, False)
    assert asking.ask(sql, offset=5).rows == 20
    assert asking.ask(limit=10, offset=300).total == 500
    assert asking.ask(limit=10, count=False).total is None


def test_stored_order(asking: Asking) -> None:
    """Without a query rows come in the order of the files and their rows, on every page."""
    listed = [row["id"] for offset in range(0, 500, 90) for row in asking.rows(offset=offset, limit=90)]
    assert listed == list(range(500))


def test_lacking_column(asking: Asking, source: Source) -> None:
    """A column that a file lacks is null there; columns a version does not name cannot be seen."""
    columns = (Column("later", "bigint"), Column("id", "bigint"))
    narrow = Source(source.paths, columns)
    assert asking.rows("select * from {{table}} where id = 1", narrow) == [{"later": None, "id": 1}]
    with pytest.raises(InvalidQuery, match="city"):
        asking.ask("select city from {{table}}", narrow)
    empty = Source((), columns)
    assert asking.ask("select count(later), sum(id) from {{table}}", empty).json == b'[{"count":0,"sum":null}]'
    assert asking.ask(None, empty).json == b"[]"


def test_too_large(new_asking: Any) -> None:
    """A result beyond the bound is refused, with what to do."""
    asking = new_asking(max_result_mib=1, processes=1)
    with pytest.raises(ResultTooLarge, match="larger than 1 MiB"):
        asking.ask("select repeat('x', 1000) from range(5000)")
    assert asking.ask("select repeat('x', 1000) from range(5000)", limit=10).rows == 10


@pytest.mark.parametrize("format_", Format)
def test_export(format_: Format, asking: Asking, tmp_path: Path) -> None:
    """Every format holds the same rows, to be read by somebody else's reader; null and empty text stay apart."""
    columns = {name: (word, values) for name, word, values, _ in EXACT if name not in ("doc", "hour", "key")}
    source = _source(tmp_path, columns)

    async def export() -> bytes:
        return b"".join([piece async for piece in asking.engine.export(Query(source), format_)])

    said = asking.run(export())
    listed = json.loads(asking.ask(None, source).json, parse_float=Decimal)
    match format_:
        case Format.JSON:
            assert json.loads(said, parse_float=Decimal) == listed
        case Format.NDJSON:
            assert [json.loads(line, parse_float=Decimal) for line in said.splitlines()] == listed
        case Format.CSV:
            rows = list(csv.DictReader(io.StringIO(said.decode(), newline="")))
            assert [row["text"] for row in rows] == [row["text"] for row in listed]
            assert [row["whole"] for row in rows] == ["9223372036854775807", "-9223372036854775808", ""]
            assert [row["at"] or None for row in rows] == [row["at"] for row in listed]
            assert said.endswith(b',""\n')
        case _:
            opened = pyarrow.ipc.open_stream if format_ is Format.ARROW else pyarrow.parquet.read_table
            table = opened(pa.BufferReader(said))
            table = table.read_all() if format_ is Format.ARROW else table
            for name, (_, values) in columns.items():
                assert table[name].combine_chunks().cast(values.type).to_pylist()[0] == values.to_pylist()[0]


def test_uuid_values(asking: Asking, tmp_path: Path) -> None:
    """What is declared a UUID compares as one, however it was written."""
    source = _source(tmp_path, {"key": EXACT[6][1:3]})
    known = UUID("FFFFFFFF-ffff-4fff-8fff-ffffffffffff")
    assert asking.rows(f"select count(*) from {{{{table}}}} where key = '{known}'", source) == [{"count": 1}]
