"""Uploaded files of every format: types, encodings, separators and errors."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.column_types import TIMESTAMPTZ
from hallmarket.server.tables.read_upload import read_upload

TIMESTAMP = datetime(2024, 1, 1, 12, tzinfo=UTC)


def read(path: Path, content: bytes | str, name: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Read a file with this content: its column types, and its rows."""
    path = path / "upload"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, name)


def read_file(path: Path, name: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Read a file: its column types, and its rows."""
    upload = read_upload(path, name)
    kinds = {column.name: column.type for column in upload.columns}
    return kinds, [row for batch in upload.batches() for row in batch.to_pylist()]


def test_csv_types(tmp_path: Path) -> None:
    """Each column has the narrowest type that all its values have; an empty field is null."""
    text = (
        "Whole,Big,Number,Truth,Day,Moment,Plain,Zip,Text,Empty\n"
        "1,18446744073709551615,1.5,true,2024-01-01,2024-01-01T12:00:00Z,2024-01-01 12:00:00,01234,a,\n"
        '-2,5,-1e3,FALSE,2024-02-29,2024-01-01T13:00:00+01:00,2024-01-01T12:00:00,99999," b ",\n'
        ",,,,,,,,,\n"
    )
    kinds, rows = read(tmp_path, text, "a.csv")
    assert list(kinds.values()) == [
        *("bigint", "numeric(38,0)", "double precision", "boolean", "date", TIMESTAMPTZ, "timestamp"),
        *("text", "text", "text"),
    ]
    plain = TIMESTAMP.replace(tzinfo=None)
    first = [1, Decimal(2**64 - 1), 1.5, True, date(2024, 1, 1), TIMESTAMP, plain, "01234", "a", None]
    second = [-2, Decimal(5), -1000.0, False, date(2024, 2, 29), TIMESTAMP, plain, "99999", " b ", None]
    assert [list(row.values()) for row in rows] == [first, second, [None] * 10]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_encodings_and_separators(tmp_path: Path, separator: str, encoding: str) -> None:
    """The separator and the encoding are detected; quoted fields keep separators, quotes and newlines."""
    inner = f'Zü"rich{separator}\nline two'
    quoted = inner.replace('"', '""')
    lines = [separator.join(["name", "n"]), separator.join([f'"{quoted}"', "1"]), separator.join(["plain", "2"])]
    kinds, rows = read(tmp_path, "\r\n".join(lines).encode(encoding), "a.csv")
    assert kinds == {"name": "text", "n": "bigint"}
    assert [row["name"] for row in rows] == [inner, "plain"]


def test_late_value_of_another_type(tmp_path: Path) -> None:
    """A late value that does not fit the others makes the column text; it is not an error."""
    text = "a\n" + "1\n" * 20_000 + "x\n"
    kinds, rows = read(tmp_path, text, "a.csv")
    assert kinds == {"a": "text"}
    assert (len(rows), rows[0], rows[-1]) == (20_001, {"a": "1"}, {"a": "x"})


@settings(max_examples=20)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"a": st.none() | st.integers(-(2**63), 2**63 - 1), "b": st.none() | st.text(min_size=1)}
        ),
        min_size=1,
    )
)
def test_json_and_parquet_values(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Integers and texts come back from JSON, NDJSON and Parquet unchanged."""
    import msgspec

    assert read(tmp_path, msgspec.json.encode(rows), "a.json")[1] == rows
    lines = b"\n".join(msgspec.json.encode(row) for row in rows)
    assert read(tmp_path, lines, "a.ndjson")[1] == rows
    schema = pa.schema([("a", pa.int64()), ("b", pa.large_string())])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "p")
    assert read_file(tmp_path / "p", "any name") == ({"a": "bigint", "b": "text"}, rows)


def test_json_types(tmp_path: Path) -> None:
    """JSON values have their JSON types; strings are timestamps or dates if all of them are; keys may occur late."""
    text = """[{"a": 1, "t": "2024-01-01T12:00:00Z", "o": {"x": [1]}, "m": 1},
               {"a": 2.5, "t": null, "o": [], "m": "x", "late": true, "d": "2024-01-01", "n": "5"}]"""
    kinds, rows = read(tmp_path, text, "a.json")
    assert kinds == {
        "a": "double precision",
        "t": TIMESTAMPTZ,
        "o": "jsonb",
        "m": "text",
        "late": "boolean",
        "d": "date",
        "n": "text",
    }
    assert rows[0] == {"a": 1.0, "t": TIMESTAMP, "o": '{"x":[1]}', "m": "1", "late": None, "d": None, "n": None}


def test_parquet_types(tmp_path: Path) -> None:
    """Types that other programs write are read exactly, or as the next larger type."""
    given = {
        "u": pa.array([2**64 - 1], pa.uint64()),
        "d": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        "t": pa.array([TIMESTAMP], pa.timestamp("ns", "Europe/Zurich")),
        "c": pa.array(["x"]).dictionary_encode(),
        "l": pa.array([[1, 2]]),
        "h": pa.array([1.5], pa.float16()),
        "b": pa.array([b"\xff"]),
        "s": pa.array([3600], pa.time32("s")),
    }
    pq.write_table(pa.table(given), tmp_path / "p")
    kinds, (row,) = read_file(tmp_path / "p", "a.parquet")
    assert list(kinds.values()) == [
        "numeric(20,0)",
        "numeric(10,2)",
        TIMESTAMPTZ,
        "text",
        "jsonb",
        "real",
        "text",
        "time",
    ]
    assert list(row.values()) == [
        Decimal(2**64 - 1),
        Decimal("1.50"),
        TIMESTAMP,
        "x",
        "[1,2]",
        1.5,
        "\\xff",
        "01:00:00",
    ]


def test_workbook(tmp_path: Path) -> None:
    """The first sheet of a workbook is read: numbers, texts, timestamps, booleans and empty cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Id", "Name", "When", "OK", "X", 2024])
    sheet.append([1, "Zürich", datetime(2024, 1, 1, 12), True, 1.5, None])
    sheet.append([2, None, None, False, 2, "a"])
    book.save(tmp_path / "w.xlsx")
    kinds, rows = read_file(tmp_path / "w.xlsx", "w.xlsx")
    assert kinds == {
        "id": "bigint",
        "name": "text",
        "when": "timestamp",
        "ok": "boolean",
        "x": "double precision",
        "_2024": "text",
    }
    assert list(rows[0].values()) == [1, "Zürich", datetime(2024, 1, 1, 12), True, 1.5, None]
    assert list(rows[1].values()) == [2, None, None, False, 2.0, "a"]


def test_decompression_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook or row group that is too large when unpacked is rejected before it is unpacked."""
    for reader in ("read_excel", "read_parquet"):
        monkeypatch.setattr(f"hallmarket.server.tables.{reader}.MAX_UNPACKED_BYTES", 1 << 20)
    with ZipFile(tmp_path / "w.xlsx", "w", ZIP_DEFLATED) as book:
        book.writestr("xl/x.xml", bytes(2 << 20))
    pq.write_table(pa.table({"a": ["x" * (2 << 20)]}), tmp_path / "a.parquet", compression="zstd")
    for name in ("w.xlsx", "a.parquet"):
        assert (tmp_path / name).stat().st_size < 10_000
        with pytest.raises(InvalidRequest, match=r"2 MiB.* unpacked"):
            read_file(tmp_path / name, name)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "empty"),
        (b"a,b\n1,2\n1,2,3\n", "a.csv", "Line 3 has 3 fields"),
        (b'a,b\n1,"2\n', "a.csv", "Line"),
        (b"a,A\n1,2\n", "a.csv", "both be called a"),
        (b"\xff\xfe\x00", "a.csv", "cannot be decoded as text"),
        (b"\xef\xbb\xbfa\n\xff\n", "a.csv", "cannot be decoded as text"),
        (b'{"a": 1}\n{"a": \n', "a.ndjson", "Line 2"),
        (b'{"a": 1}\n[1]\n', "a.ndjson", "Line 2"),
        (b"[1, 2]", "a.json", "array of objects"),
        (b"[]", "a.json", "at least one column"),
        (b"PAR1nonsense", "a.csv", "not a complete Parquet"),
        (b"PK\x03\x04nonsense", "a.xlsx", "not a readable workbook"),
        (b"\x00\x01", "a.bin", "ending in"),
    ],
)
def test_unreadable_files(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    """A file that cannot be read is an InvalidRequest, with the line if the file has lines."""
    with pytest.raises(InvalidRequest, match=message):
        read(tmp_path, content, name)
