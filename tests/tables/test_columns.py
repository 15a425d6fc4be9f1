"""CREATE TABLE texts, column names and column types."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.column_types import TIMESTAMPTZ, arrow_type, parse_type
from hallmarket.server.tables.columns import declare_columns, find_column, normalize_name
from hallmarket.server.tables.create_table import parse_create_table

DECLARED = ["bigint", "double precision", "boolean", "text", TIMESTAMPTZ, "date", "time", "bigint"]


def official_text(frame: pd.DataFrame) -> str:
    """The CREATE TABLE text that the official client makes from a frame."""
    dtypes = {
        column: "BOOLEAN" if pd.api.types.is_bool_dtype(dtype) else "DOUBLE PRECISION"
        for column, dtype in frame.dtypes.items()
        if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_float_dtype(dtype)
    }
    text = pd.io.sql.get_schema(frame, name="dataset", schema="datasets", dtype=dtypes)
    text = text.replace("TIMESTAMP", "TIMESTAMP WITH TIME ZONE").replace(" INTEGER", " BIGINT")
    return str(text.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))


@given(st.lists(st.text(min_size=1).filter(lambda name: "\0" not in name), min_size=8, max_size=8, unique=True))
def test_types_are_read_with_any_names(names: list[str]) -> None:
    """Quotes, commas, parentheses, newlines and SQL words in names never change the types."""
    moment = pd.Timestamp("2026-01-01T00:00:00", tz="UTC")
    values = [1, 1.5, True, "s", moment, moment.date(), moment.time(), None]
    frame = pd.DataFrame([values], columns=pd.Index(names, dtype=object))
    frame = frame.astype({names[7]: "Int64"})
    _, types = parse_create_table(official_text(frame))
    assert types == DECLARED


def test_handwritten_create_table() -> None:
    """Unquoted names, sizes, column and table constraints, and type synonyms are read."""
    names, types = parse_create_table("""create table t (
        id int8 not null primary key, "a, ""b"" (" varchar(20) default 'x, y)', n numeric(20, 4) check (n > 0),
        t timestamptz, u uuid, j json, p timestamp, primary key (id), constraint c unique (n, t))""")
    assert names == ["id", 'a, "b" (', "n", "t", "u", "j", "p"]
    assert types == ["bigint", "text", "numeric(20,4)", TIMESTAMPTZ, "uuid", "jsonb", "timestamp"]


@pytest.mark.parametrize(
    "text",
    ["", "drop table x", "create table t (", "create table t (a", "create table t (a nonsense)", "create table t (,)"],
)
def test_invalid_create_table(text: str) -> None:
    """A text that is not a CREATE TABLE statement is an InvalidRequest."""
    with pytest.raises(InvalidRequest):
        parse_create_table(text)


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("Sample ID", "sample_id"),
        ("id", "id"),
        ("  a--b  ", "a_b"),
        ("Größe (µm)", "größe_µm"),
        ("2020", "_2020"),
        ("名前", "名前"),
        ("नाम", "नाम"),
        ("имя", "имя"),
        ("select", "select"),
        ("a/b%2F", "a_b_2f"),
        ("!!!", ""),
        ("x" * 100, "x" * 63),
    ],
)
def test_names_are_normalised(original: str, name: str) -> None:
    """Names become lower-case snake_case. Letters of every script stay."""
    assert normalize_name(original) == name


@given(st.text())
def test_normalising_twice(original: str) -> None:
    """Normalising again changes nothing, and no character that Delta Lake rejects is left."""
    name = normalize_name(original)
    assert normalize_name(name) == name
    assert not set(name) & set(' ,;{}()\n\t=".')
    assert len(name) <= 63


def test_columns_are_found_by_any_spelling() -> None:
    """A column is found by its original spelling and by its name."""
    columns = declare_columns(["Sample ID", "!!!", 7], ["bigint", "text", "text"])
    assert [column.name for column in columns] == ["sample_id", "column_2", "_7"]
    for spelling, index in [
        ("Sample ID", 0),
        ("sample_id", 0),
        ("SAMPLE-ID", 0),
        ("!!!", 1),
        ("column_2", 1),
        ("7", 2),
    ]:
        assert find_column(columns, spelling) is columns[index]
    assert find_column(columns, "???") is None


@pytest.mark.parametrize(("names", "types"), [(["A", "a"], ["text"] * 2), ([], []), (["a"], ["text", "text"])])
def test_invalid_columns(names: list[str], types: list[str]) -> None:
    """Two columns with one name, no column, or more types than names are an InvalidRequest."""
    with pytest.raises(InvalidRequest):
        declare_columns(names, types)


@pytest.mark.parametrize("text", ["numeric(39)", "numeric(5,6)", "numeric(0)", "blob", "", "text; drop table x"])
def test_invalid_types(text: str) -> None:
    """An unknown type, or one that cannot be stored exactly, is an InvalidRequest."""
    with pytest.raises(InvalidRequest):
        parse_type(text)


def test_canonical_types() -> None:
    """Every canonical type name parses as itself and has an Arrow type."""
    for word in [*DECLARED, "numeric(38,37)", "numeric", "uuid", "jsonb", "integer", "smallint", "real"]:
        assert parse_type(word) == word
        assert arrow_type(word) is not None
