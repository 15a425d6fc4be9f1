"""CREATE TABLE texts and column names."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.declare import declare_columns, find_named, normalize_name, read_create_table
from hallmarket.server.tables.types import TIMESTAMPTZ, arrow_type, read_type

DECLARED = ["bigint", "double precision", "boolean", "text", TIMESTAMPTZ, "date", "time", "bigint"]


def official_text(frame: pd.DataFrame) -> str:
    """The text that the official client makes of a frame."""
    dtypes = {
        column: "BOOLEAN" if pd.api.types.is_bool_dtype(dtype) else "DOUBLE PRECISION"
        for column, dtype in frame.dtypes.items()
        if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_float_dtype(dtype)
    }
    text = pd.io.sql.get_schema(frame, name="dataset", schema="datasets", dtype=dtypes)
    text = text.replace("TIMESTAMP", "TIMESTAMP WITH TIME ZONE").replace(" INTEGER", " BIGINT")
    return str(text.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))


@given(st.lists(st.text(min_size=1).filter(lambda name: "\0" not in name), min_size=8, max_size=8, unique=True))
def test_types_are_read_whatever_the_names_are(names: list[str]) -> None:
    """Names full of quotes, commas, parentheses, newlines and SQL words never change the list of types."""
    moment = pd.Timestamp("2026-01-01T00:00:00", tz="UTC")
    values = [1, 1.5, True, "s", moment, moment.date(), moment.time(), None]
    frame = pd.DataFrame([values], columns=pd.Index(names, dtype=object))
    frame = frame.astype({names[7]: "Int64"})
    _, types = read_create_table(official_text(frame))
    assert types == DECLARED


def test_a_text_that_people_write_is_read() -> None:
    """Unquoted names, sizes, constraints of columns and of tables, and synonyms are understood."""
    names, types = read_create_table("""create table t (
        id int8 not null primary key, "a, ""b"" (" varchar(20) default 'x, y)', n numeric(20, 4) check (n > 0),
        t timestamptz, u uuid, j json, p timestamp, primary key (id), constraint c unique (n, t))""")
    assert names == ["id", 'a, "b" (', "n", "t", "u", "j", "p"]
    assert types == ["bigint", "text", "numeric(20,4)", TIMESTAMPTZ, "uuid", "jsonb", "timestamp"]


@pytest.mark.parametrize(
    "text",
    ["", "drop table x", "create table t (", "create table t (a", "create table t (a nonsense)", "create table t (,)"],
)
def test_what_is_no_table_is_refused(text: str) -> None:
    """A text that cannot be understood is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        read_create_table(text)


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
def test_names_are_made_plain(original: str, name: str) -> None:
    """Names become lower-case snake_case; letters of every script stay."""
    assert normalize_name(original) == name


@given(st.text())
def test_a_plain_name_stays(original: str) -> None:
    """Normalising again changes nothing, and nothing that Delta Lake refuses in a name is left."""
    name = normalize_name(original)
    assert normalize_name(name) == name
    assert not set(name) & set(' ,;{}()\n\t=".')
    assert len(name) <= 63


def test_columns_are_found_by_every_spelling() -> None:
    """Rows may go on naming a column as it was first spelled, or as it is called."""
    columns = declare_columns(["Sample ID", "!!!", 7], ["bigint", "text", "text"])
    assert [column.name for column in columns] == ["sample_id", "column_2", "_7"]
    for spelling, place in [
        ("Sample ID", 0),
        ("sample_id", 0),
        ("SAMPLE-ID", 0),
        ("!!!", 1),
        ("column_2", 1),
        ("7", 2),
    ]:
        assert find_named(columns, spelling) is columns[place]
    assert find_named(columns, "???") is None


@pytest.mark.parametrize(("names", "types"), [(["A", "a"], ["text"] * 2), ([], []), (["a"], ["text", "text"])])
def test_columns_that_cannot_be_are_refused(names: list[str], types: list[str]) -> None:
    """Two columns of one name, none at all, or more types than names are the caller's mistake."""
    with pytest.raises(InvalidRequest):
        declare_columns(names, types)


@pytest.mark.parametrize("text", ["numeric(39)", "numeric(5,6)", "numeric(0)", "blob", "", "text; drop table x"])
def test_types_that_are_none_are_refused(text: str) -> None:
    """A type we cannot keep exactly is refused by name."""
    with pytest.raises(InvalidRequest):
        read_type(text)


def test_every_word_has_a_place() -> None:
    """Every type word reads back as itself and has a type in Arrow."""
    for word in [*DECLARED, "numeric(38,37)", "numeric", "uuid", "jsonb", "integer", "smallint", "real"]:
        assert read_type(word) == word
        assert arrow_type(word) is not None
