"""Queries in PostgreSQL's dialect, and the positions of errors."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmarket.server.query_engine.errors import InvalidQuery, RejectedQuery
from hallmarket.server.query_engine.translate_sql import translate_sql
from query_engine.conftest import EngineRunner

EXPRESSIONS: dict[str, Any] = {
    "to_char(timestamptz '2024-02-03 04:05:06+00', 'YYYY-MM-DD HH24:MI:SS')": "2024-02-03 04:05:06",
    "'Zürich' ~* '^ZÜ'": True,
    "'Zürich' !~ '^Z'": False,
    "'abc' ilike 'A%'": True,
    "'abc' similar to 'a%|x'": True,
    """'{"a":{"b":[1,"x"]}}'::jsonb->'a'->'b'->>1""": "x",
    "7 / 2": 3,
    "-7 / 2": -3,
    "7.0 / 2": 3.5,
    "2 ^ 3": 8.0,
    "'5'::int8 + 1": 6,
    "1.005::numeric(10,2)": 1.01,
    "date_trunc('month', timestamptz '2024-02-29 12:00:00+00')": "2024-02-01T00:00:00.000000+00:00",
    "extract(year from date '2024-02-29')": 2024,
    "date '2024-03-01' - date '2024-02-28'": 2,
    "date '2024-02-28' + 1": "2024-02-29",
    "timestamptz '2024-01-31 00:00:00+00' + interval '1 month'": "2024-02-29T00:00:00.000000+00:00",
    "to_date('2024-02-03', 'YYYY-MM-DD')": "2024-02-03",
    "substring('abcdef' from 2 for 3)": "bcd",
    "substring('ab123' from '[0-9]+')": "123",
    "position('c' in 'abc')": 3,
    "split_part('a,b,c', ',', 2)": "b",
    "regexp_replace('banana', 'a', 'o', 'g')": "bonono",
    "format('%s of %s', 1, 'x{}')": "1 of x{}",
    "concat_ws('-', 'a', null, 'b')": "a-b",
    "coalesce(null, 1)": 1,
    "(array[10,20])[1]": 10,
    "2 = any(array[1,2])": True,
    "array_length(array[1,2], 1)": 2,
    "json_build_object('a', 1)": {"a": 1},
    "E'a\\nb' || $$c$$": "a\nbc",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression: str, engine: EngineRunner) -> None:
    """PostgreSQL expressions mean what they mean in PostgreSQL."""
    assert engine.rows(f"select {expression} as x") == [{"x": EXPRESSIONS[expression]}]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*), sum(id) from {{table}}", [{"count": 500, "sum": 124750}]),
        ("select count(*) filter (where city is null) n from {{table}}", [{"n": 125}]),
        ("select distinct on (count) count, id from {{table}} where count < 2 order by count, id desc", None),
        ("select percentile_cont(0.5) within group (order by id) from {{table}}", [{"percentile_cont": 249.5}]),
        ("select mode() within group (order by count) from {{table}}", [{"mode": 0}]),
        ("select string_agg(id::text, ',' order by id desc) s from {{table}} where id < 3", [{"s": "2,1,0"}]),
        ("select json_agg(id order by id) from {{table}} where id < 3", [{"json_agg": [0, 1, 2]}]),
        ("select g from generate_series(1, 3) g", [{"g": 1}, {"g": 2}, {"g": 3}]),
        ("select unnest(array['a','b']) u", [{"u": "a"}, {"u": "b"}]),
        (
            "select id, lag(id) over (order by id) from {{table}} where id < 2",
            [{"id": 0, "lag": None}, {"id": 1, "lag": 0}],
        ),
        ("with t as (select * from {{table}} where id < 2) select t.id from t join {{table}} u using (id)", None),
        (
            "with recursive r as (select 1 n union all select n + 1 from r where n < 3) select max(n) from r",
            [{"max": 3}],
        ),
        ("select {{table}}.id from {{ table }} where {{table}}.id = 7", [{"id": 7}]),
        ('select T.ID as "Id", Amount As Half from {{table}} T where id = 2', [{"Id": 2, "half": 0.5}]),
        ("select city from {{table}} order by city desc limit 1", [{"city": None}]),
        ("select id from {{table}} order by count desc, id fetch first 1 row only", [{"id": 6}]),
        (
            "select current_date = now()::date as today, c.* from (select current_date, localtime) c limit 0",
            [],
        ),
        ("select current_date, now(), current_time, localtime, localtimestamp from {{table}} where false", []),
        ("values (1, 'a')", [{"col0": 1, "col1": "a"}]),
        ("(select 1 as x) union all select 2 order by 1 desc", [{"x": 2}, {"x": 1}]),
    ],
)
def test_query(sql: str, rows: Any, engine: EngineRunner) -> None:
    """Whole queries run as in PostgreSQL, with its names for unnamed columns."""
    result = engine.rows(sql)
    if rows is None:
        assert sorted(row["id"] for row in result) in ([0, 1], [497, 498])
    else:
        assert result == rows


@pytest.mark.parametrize(
    ("sql", "word", "line"),
    [
        ("select nope from {{table}}", "nope", 1),
        ("select id,\n  sum(amount) over (),\n  frobnicate(id)\nfrom {{table}}", "frobnicate", 3),
        ("select id\nfrom {{table}}\nwere id = 1", "id = 1", 3),
        ("select 'id' as a, id from {{table}} where idd = 1", "idd", 1),
        ("select id from {{table}} where city = 5 and 'x'::int = 1", "'x'", 1),
        ("select *\nfrom elsewhere", "elsewhere", 2),
        ("select *\nfrom\n read_csv('x')", "read_csv", 3),
    ],
)
def test_position(sql: str, word: str, line: int, engine: EngineRunner) -> None:
    """An error has its position in the caller's own text."""
    with pytest.raises(InvalidQuery) as caught:
        engine.query(sql)
    details: Any = caught.value.details
    assert details["position"] == sql.index(word) + 1
    assert details["line"] == line
    assert details["column"] == sql.splitlines()[line - 1].index(word) + 1


def test_hint(engine: EngineRunner) -> None:
    """DuckDB's suggestions are passed on; its advice about settings is not."""
    with pytest.raises(InvalidQuery, match='"citi" not found') as caught:
        engine.query("select citi from {{table}}")
    assert "city" in caught.value.details["hint"]  # type: ignore[index]
    with pytest.raises(InvalidQuery, match="Division by zero") as caught:
        engine.query("select 1 / 0")
    assert "error_on" not in caught.value.message


@given(text=st.text(alphabet="ab'\"\\-/*$;{}() \nEselctfrom1,\u2019\0", max_size=60))
@settings(max_examples=200)
def test_any_text(text: str) -> None:
    """Any text becomes a statement or a RejectedQuery with a message."""
    try:
        result = translate_sql(text)
    except RejectedQuery as error:
        result = error.message
    assert result.strip()


NUMBERS = [{"id": i, "amount": i / 4, "count": i % 7} for i in range(500)]


@given(
    column=st.sampled_from(["id", "amount", "count"]),
    comparison=st.sampled_from(["<", ">=", "=", "<>"]),
    bound=st.integers(-5, 510),
    group=st.booleans(),
    offset=st.integers(0, 30),
    limit=st.integers(1, 40),
)
@settings(max_examples=40)
def test_same_as_python(
    column: str, comparison: str, bound: int, group: bool, offset: int, limit: int, engine: EngineRunner
) -> None:
    """A filter, a group, an order and a page give the same rows as plain Python."""
    compare: dict[str, Any] = {
        "<": lambda a: a < bound,
        ">=": lambda a: a >= bound,
        "=": lambda a: a == bound,
        "<>": lambda a: a != bound,
    }
    selected = [row for row in NUMBERS if compare[comparison](row[column])]
    where = f"from {{{{table}}}} where {column} {comparison} {bound}"
    if group:
        counts = {row["count"] for row in selected}
        sums = {key: sum(row["id"] for row in selected if row["count"] == key) for key in counts}
        expected: list[Any] = [{"count": key, "sum": sums[key]} for key in sorted(sums)]
        page = engine.query(f"select count, sum(id) {where} group by count order by count", offset=offset, limit=limit)
    else:
        expected = sorted(selected, key=lambda row: (-row["count"], row["id"]))
        page = engine.query(f"select id, amount, count {where} order by count desc, id", offset=offset, limit=limit)
    assert json.loads(page.json) == expected[offset : offset + limit]
    assert page.total == len(expected)
    assert page.has_more == (offset + limit < len(expected))
