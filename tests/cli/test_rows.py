"""Rows of local tables as JSON: every value exact, or an error."""

import csv
import datetime
import decimal
import json
import math

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli.datasets.rows import find_reader, read_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=8)
FEW = settings(max_examples=40)


def read(path, types=None):
    """Return the rows of a file, and the sum of the bytes reported."""
    reported = []
    rows = [json.loads(row) for row in read_rows(find_reader(path), path, types or {}, reported.append)]
    return rows, sum(reported)


@FEW
@given(rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), TEXT, st.booleans()), max_size=20))
def test_csv_keeps_every_value(tmp_path, rows):
    """Integers are exact, texts keep commas, quotes and line breaks, and an empty string is not null."""
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(["Id", "te,xt", "flag"])
        writer.writerows((number, text, str(flag).lower()) for number, text, flag in rows)
    expected = [{"Id": number, "te,xt": text, "flag": str(flag).lower()} for number, text, flag in rows]
    assert read(path, {"id": "bigint"}) == (expected, path.stat().st_size)


def test_null_in_csv(tmp_path):
    """An empty field is null, two quotes are an empty string, and a field that is not a number stays text."""
    path = tmp_path / "a.csv"
    path.write_text('\ufeffid,name,x\n1,,1.5\n2,"",\n3,c,n/a\n', "utf-8")
    rows, _ = read(path, {"id": "bigint", "x": "double precision"})
    assert [(row["id"], row["name"], row["x"]) for row in rows] == [(1, None, "1.5"), (2, "", None), (3, "c", "n/a")]


def test_tabs(tmp_path):
    """The columns of a .tsv are separated by tabs."""
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1,2\t3\n", "utf-8")
    assert read(path)[0] == [{"a": "1,2", "b": "3"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_as_spreadsheets_write_it(tmp_path, encoding, separator):
    """Separator and encoding are detected, like the server detects them when it publishes a file."""
    path = tmp_path / "a.csv"
    lines = (("id", "Straße"), ("1", "Müllerstraße"), ("2", "Öl"))
    path.write_text("".join(f"{separator.join(line)}\n" for line in lines), encoding)
    assert read(path, {"id": "bigint"})[0] == [{"id": 1, "Straße": "Müllerstraße"}, {"id": 2, "Straße": "Öl"}]


def test_parquet_keeps_every_value(tmp_path):
    """Decimals, times to the microsecond, nested values and nulls are exact; NaN becomes null."""
    table = pa.table(
        {
            "whole": [2**63 - 1, None],
            "exact": pa.array([decimal.Decimal("12345678901234567890.10"), None]),
            "when": pa.array(
                [datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC), None], pa.timestamp("us", "UTC")
            ),
            "fine": pa.array([1_700_000_000_000_001_000, None], pa.timestamp("ns")),
            "nested": [{"a": ["1", "é"]}, None],
            "real": [math.nan, 1e300],
        }
    )
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    rows, reported = read(path)
    assert rows[0] == {
        "whole": 2**63 - 1,
        "exact": "12345678901234567890.10",
        "when": "2026-01-02T03:04:05.000006Z",
        "fine": "2023-11-14T22:13:20.000001",
        "nested": {"a": ["1", "é"]},
        "real": None,
    }
    assert rows[1] == {"whole": None, "exact": None, "when": None, "fine": None, "nested": None, "real": 1e300}
    assert reported == path.stat().st_size


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.jsonl"])
def test_json_is_passed_on_unchanged(tmp_path, name):
    """A JSON row is passed on byte for byte, with numbers of any length and with its escapes."""
    objects = [b'{"a":12345678901234567890.10}', b'{ "a" : "\\u00e9", "b":null }', b"{}"]
    path = tmp_path / name
    path.write_bytes(b"[" + b" , ".join(objects) + b"]\n" if name == "a.json" else b"\n\n".join(objects))
    assert list(read_rows(find_reader(path), path, {}, lambda _: None)) == objects


def test_excel(tmp_path):
    """The first sheet of a workbook is read, with its first row as column names and integers as integers."""
    book = openpyxl.Workbook()
    book.active.append(["id", "when", "x", None])
    book.active.append([1, datetime.datetime(2026, 1, 1, 12), 1.5, None])
    book.active.append([2, None, "é", None])
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx")[0] == [
        {"id": 1, "when": "2026-01-01T12:00:00", "x": 1.5},
        {"id": 2, "when": None, "x": "é"},
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "Empty CSV"),
        ("a.csv", b"a,b\n1\n", "Expected 2 columns"),
        ("a.csv", b"a,a\n1,2\n", "two columns are called a"),
        ("a.csv", b"a\n\x81\n", "decode"),
        ("a.json", b'{"a":1}', "array"),
        ("a.json", b"[1]", "not a JSON object"),
        ("a.ndjson", b'{"a":1}\n{"a":', "truncated"),
        ("a.ndjson", b'["a"]\n', "not a JSON object"),
        ("a.parquet", b"PAR1", "Parquet"),
        ("a.xlsx", b"PK", "cannot be read"),
        ("a.txt", b"", "not a table"),
    ],
)
def test_malformed_tables(tmp_path, name, content, message):
    """A file that does not match its ending is refused in one line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message) as refused:
        list(read_rows(find_reader(path), path, {}, lambda _: None))
    assert "\n" not in str(refused.value)
