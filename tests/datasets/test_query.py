"""Reading datasets over HTTP: rows, queries and exports."""

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet
import pytest

from _support.clients import official_client
from _support.datasets import make_dataset
from _support.organizations import Organization, User, new_organization
from _support.processes import get_command, kill
from _support.responses import assert_exchange_error
from _support.servers import Server
from hallmarket.server.datasets.references import find_references
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, arrow_schema

ROWS = [{"id": i, "city": ("Bern", "Zürich", None)[i % 3], "mm": i / 4} for i in range(250)]
SCHEMA = 'CREATE TABLE x ("id" BIGINT, "city" TEXT, "mm" DOUBLE PRECISION)'


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def owner(org: Organization) -> User:
    """A person with a dataset."""
    return org.new_user()


@pytest.fixture(scope="module")
def dataset(owner: User) -> str:
    """A private dataset with two versions, of 250 and 260 rows."""
    made = make_dataset(owner, ROWS, schema=SCHEMA, name="Rain/of \u202e2026")["id"]
    more = [{"id": i, "city": "Genève", "mm": None} for i in range(250, 260)]
    owner.call("POST", f"/datasets/{made}/data", json={"rows": more, "mode": "append"})
    return str(made)


def query(who: User, dataset: str, sql: str, **body: Any) -> dict[str, Any]:
    """Run a query, and return the whole response."""
    answer = who.client.post(f"/datasets/{dataset}/query-custom", json={"query": sql, **body})
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def test_query(owner: User, dataset: str) -> None:
    """A query returns rows with columns in order, the query that ran, and the number of rows."""
    sql = "select city, count(*), sum(mm) from {{table}} group by city order by count(*) desc, city;"
    answer = query(owner, dataset, sql)
    assert [list(row) for row in answer["data"]] == [["city", "count", "sum"]] * 4
    assert answer["data"][0] == {"city": "Bern", "count": 84, "sum": sum(i / 4 for i in range(0, 250, 3))}
    assert answer["query"] == sql
    assert answer["pagination"] == {"offset": 0, "limit": 4, "total": 4, "hasMore": False, "nextCursor": None}
    assert answer["version"] == 2


def test_query_by_version(owner: User, dataset: str) -> None:
    """A query can read any version by its number. An unknown version is 404."""
    for number, rows in ((1, 250), (2, 260)):
        assert query(owner, dataset, "select count(*) n from {{table}}", version=number)["data"] == [{"n": rows}]
    unknown = owner.client.post(f"/datasets/{dataset}/query-custom", json={"query": "select 1", "version": 3})
    assert_exchange_error(unknown, 404, "not_found")


def test_query_page(owner: User, dataset: str) -> None:
    """A page is cut from the query's result, and its total and `hasMore` are exact."""
    sql = "select id from {{table}} order by id limit 25"
    pages = [query(owner, dataset, sql, offset=offset, limit=10) for offset in (0, 10, 20)]
    assert [row["id"] for page in pages for row in page["data"]] == list(range(25))
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False]
    assert {page["pagination"]["total"] for page in pages} == {25}


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"query": "select nope from {{table}}"}, "invalid_query", "nope"),
        ({"query": "delete from {{table}}"}, "invalid_query", "SELECT"),
        ({"query": "with x as (delete from {{table}} returning *) select * from x"}, "invalid_query", "changes"),
        ({"query": "select * from read_text('/etc/passwd')"}, "invalid_query", "read_text"),
        ({"query": ""}, "invalid_query", "empty"),
        ({}, "invalid_request", "query"),
        ({"prompt": "the wettest day"}, "invalid_request", "language model"),
        ({"query": "select 1", "limit": 0}, "invalid_request", "limit"),
        ({"query": "select 1", "offset": -1}, "invalid_request", "offset"),
        ({"query": 1}, "invalid_request", "query"),
    ],
)
def test_invalid_queries(body: dict[str, Any], code: str, word: str, owner: User, dataset: str) -> None:
    """An invalid query or parameter is 400 with a message about it."""
    answer = owner.client.post(f"/datasets/{dataset}/query-custom", json=body)
    assert_exchange_error(answer, 400, code)
    assert word in answer.json()["error"]["message"]


def test_the_position_of_an_error(owner: User, dataset: str) -> None:
    """The error of an invalid query has its position, line and column."""
    sql = "select id,\n  nope\nfrom {{table}}"
    error = owner.client.post(f"/datasets/{dataset}/query-custom", json={"query": sql}).json()["error"]
    assert error["details"]["position"] == sql.index("nope") + 1
    assert (error["details"]["line"], error["details"]["column"]) == (2, 3)


def test_rows(owner: User, dataset: str) -> None:
    """Pages by offset and by cursor have every row once, in the same order, and end exactly."""
    paged: list[dict[str, Any]] = []
    for offset in (0, 100, 200):
        answer = owner.client.get(f"/datasets/{dataset}/data", params={"offset": offset}).json()
        paged += answer["data"]
        assert answer["pagination"]["total"] == 260
        assert answer["pagination"]["hasMore"] == (offset < 200)
    assert paged[:250] == ROWS
    assert len(paged) == 260
    followed, cursor = [], {}
    while True:
        answer = owner.client.get(f"/datasets/{dataset}/data", params={"limit": 130, **cursor}).json()
        followed += answer["data"]
        if (next_cursor := answer["pagination"]["nextCursor"]) is None:
            break
        cursor = next_cursor
    assert followed == paged
    full = owner.client.get(f"/datasets/{dataset}/data", params={"limit": 130, "offset": 130}).json()
    assert not full["pagination"]["hasMore"]
    beyond = owner.client.get(f"/datasets/{dataset}/data", params={"offset": 1000}).json()
    assert (beyond["data"], beyond["pagination"]["hasMore"]) == ([], False)


def test_a_cursor_continues_in_its_version(owner: User) -> None:
    """Pages by cursor come from one version, even if others are written meanwhile."""
    dataset = make_dataset(owner, ROWS, schema=SCHEMA)["id"]
    first = owner.client.get(f"/datasets/{dataset}/data", params={"limit": 200}).json()
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": 1}], "mode": "overwrite"})
    rest = owner.client.get(f"/datasets/{dataset}/data", params=first["pagination"]["nextCursor"]).json()
    assert first["data"] + rest["data"] == ROWS
    assert rest["version"] == 1
    assert owner.call("GET", f"/datasets/{dataset}/data") == [{"id": 1, "city": None, "mm": None}]


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "10001"}, {"offset": "-1"}, {"cursor": "x"}, {"cursor": "v0.1"}, {"version": "one"}],
)
def test_invalid_pages(params: dict[str, str], owner: User, dataset: str) -> None:
    """An invalid page is 400."""
    assert_exchange_error(owner.client.get(f"/datasets/{dataset}/data", params=params), 400, "invalid_request")


def test_references(owner: User, org: Organization) -> None:
    """References are resolved to assets that the reader may know of, and to no others."""
    target = make_dataset(owner, name="Target")["id"]
    made = owner.client.post(
        "/datasets/create/from-schema",
        json={
            "dataset": {
                "name": "Refers",
                "visibility": "organization",
                "rows": [{"n": 1, "ref": target}, {"n": 2, "ref": None}],
                "refs": {"ref": {"kind": "asset"}},
            }
        },
    ).json()["data"]["id"]
    params = {"resolve_refs": "true"}
    seen = owner.client.get(f"/datasets/{made}/data", params=params).json()["resolved_refs"]
    assert (seen["ref"][target]["kind"], seen["ref"][target]["name"]) == ("asset", "Target")
    queried = query(owner, made, "select ref from {{table}} where n = 1", resolve_refs=True)["resolved_refs"]
    assert queried == seen
    assert "resolved_refs" not in owner.client.get(f"/datasets/{made}/data").json()
    other = org.new_user().client.get(f"/datasets/{made}/data", params=params).json()
    assert (len(other["data"]), other["resolved_refs"]) == (2, {"ref": {}})


def connected(who: User, dataset: str) -> set[str]:
    """Return the assets that a dataset refers to."""
    params = {"type": "reference", "direction": "source"}
    return {item["target_id"] for item in who.call("GET", f"/assets/{dataset}/connections", params=params)}


def test_a_dataset_is_connected_to_what_its_rows_refer_to(owner: User) -> None:
    """The references of the newest version are the dataset's connections. Rows keep the ids of deleted assets."""
    first, second, third = [make_dataset(owner, name=name)["id"] for name in "abc"]
    rows = [{"id": 1, "ref": first, "too": None}, {"id": 2, "ref": second, "too": second}]
    made = make_dataset(owner, rows, schema="create table t (id bigint, ref uuid, too uuid)", refs={"ref": "dataset"})
    path = f"/datasets/{made['id']}"
    assert connected(owner, made["id"]) == {first, second}
    more = {"rows": [{"id": 3, "ref": made["id"], "too": third}], "finalize": False}
    owner.call("POST", f"{path}/data", json=more)
    owner.call("PUT", path, json={"dataset": {"refs": {"too": {"kind": "asset"}}}})
    assert connected(owner, made["id"]) == {first, second, third}
    owner.call("DELETE", f"/assets/{second}")
    assert connected(owner, made["id"]) == {first, third}
    page = owner.client.get(f"{path}/data", params={"resolve_refs": "true"}).json()
    assert [row["ref"] for row in page["data"]] == [first, second, made["id"]]
    assert {name: set(known) for name, known in page["resolved_refs"].items()} == {
        "ref": {first, made["id"]}, "too": {third}
    }  # fmt: skip
    fewer = {"rows": [{"id": 1, "ref": first, "too": None}], "mode": "overwrite"}
    assert owner.client.post(f"{path}/data", json=fewer).status_code == 200
    assert connected(owner, made["id"]) == {first}


def test_connections_are_limited(tmp_path: Path) -> None:
    """The first 1,000 ids in a table are its references, without its own id and invalid values."""
    tables, table_id, ids = TableStore(FileStore("", tmp_path, 0)), uuid4(), [uuid4() for _ in range(1200)]
    columns = tuple(Column(name, "text", ref_kind=kind) for name, kind in (("a", "action"), ("b", "asset")))
    values = [str(table_id), "none", None, *map(str, ids[:600]), *map(str, ids)]
    batch = pa.RecordBatch.from_pydict({"a": [str(uuid4())] * len(values), "b": values}, schema=arrow_schema(columns))
    snapshot = tables.create(table_id, columns, [batch])
    assert find_references(tables, snapshot) == ids[:1000]
    assert find_references(tables, msgspec.structs.replace(snapshot, columns=columns[:1])) == []


@pytest.mark.parametrize("format_", ["csv", "json", "ndjson", "parquet", "arrow"])
def test_export(format_: str, owner: User, dataset: str) -> None:
    """Every format has all rows, and a safe file name."""
    answer = owner.client.get(f"/datasets/{dataset}/export", params={"format": format_, "version": 1})
    assert answer.status_code == 200
    disposition = answer.headers["content-disposition"]
    assert f".{format_}" in disposition
    assert "\u202e" not in disposition
    assert "%2F" not in disposition
    match format_:
        case "csv":
            read = list(csv.DictReader(io.StringIO(answer.text)))
            rows = [{"id": int(row["id"]), "city": row["city"] or None, "mm": float(row["mm"])} for row in read]
        case "json":
            rows = answer.json()
        case "ndjson":
            rows = [json.loads(line) for line in answer.text.splitlines()]
        case "parquet":
            rows = pyarrow.parquet.read_table(pa.BufferReader(answer.content)).to_pylist()
        case _:
            rows = pa.ipc.open_stream(answer.content).read_all().to_pylist()
    assert rows == ROWS
    assert owner.client.head(f"/datasets/{dataset}/export", params={"format": format_}).content == b""


def test_invalid_exports(owner: User, dataset: str) -> None:
    """An unknown format or version is an error before anything is sent."""
    for params, status in (({"format": "xlsx"}, 400), ({"version": "99"}, 404), ({"version": "x"}, 400)):
        answer = owner.client.get(f"/datasets/{dataset}/export", params=params)
        assert answer.status_code == status, answer.text


def test_download(owner: User, dataset: str) -> None:
    """A dataset downloads as CSV by default, under its current name."""
    owner.call("PUT", f"/datasets/{dataset}", json={"dataset": {"name": "Renamed"}})
    plain = owner.client.post(f"/assets/{dataset}/download")
    assert 'filename="Renamed.csv"' in plain.headers["content-disposition"]
    assert plain.text == owner.client.get(f"/datasets/{dataset}/export").text
    ndjson = owner.client.post(f"/assets/{dataset}/download", json={"format": "ndjson"})
    assert ndjson.text.count("\n") == 260
    assert_exchange_error(
        owner.client.post(f"/assets/{dataset}/download", json={"format": "xlsx"}), 400, "invalid_request"
    )


def test_access(owner: User, org: Organization, dataset: str) -> None:
    """Only readers can read rows, queries and exports. A dataset for sale is locked, and an unknown one is 404."""
    requests: list[tuple[str, str, Any]] = [
        ("GET", "data", None),
        ("POST", "query-custom", {"query": "select 1"}),
        ("GET", "export", None),
    ]

    def statuses(who: User, dataset_id: str) -> set[int]:
        return {
            who.client.request(method, f"/datasets/{dataset_id}/{path}", json=body).status_code
            for method, path, body in requests
        }

    colleague, outsider = org.new_user(), org.new_outsider()
    assert statuses(colleague, dataset) == statuses(outsider, dataset) == {404}
    share = {"permission": {"user": {"user_id": outsider.id}, "role": "read"}}
    owner.call("PUT", f"/datasets/{dataset}/share", json=share)
    assert statuses(org.with_unbound_key(outsider), dataset) == {200}
    share["permission"]["role"] = "none"
    owner.call("PUT", f"/datasets/{dataset}/share", json=share)
    assert statuses(org.with_unbound_key(outsider), dataset) == {404}
    assert statuses(owner, "00000000-0000-7000-8000-000000000000") == {404}
    assert statuses(owner, "x") == {400}
    sold = make_dataset(org.with_unbound_key(owner), visibility="monetized", monetization="pay-to-unlock", price_usd=5)[
        "id"
    ]
    for method, path, body in requests:
        answer = org.with_unbound_key(outsider).client.request(method, f"/datasets/{sold}/{path}", json=body)
        assert_exchange_error(answer, 403, "locked")
        assert "Unlock" in answer.json()["error"]["message"]


def test_concurrent_queries(owner: User, dataset: str) -> None:
    """More queries than the server runs at the same time wait, and each gets its own result."""

    def run(number: int) -> int:
        return int(query(owner, dataset, f"select {number} as x from {{{{table}}}} limit 1")["data"][0]["x"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(16))) == list(range(16))


def test_a_killed_export(server: Server, owner: User) -> None:
    """If the process of an export is killed, the connection breaks and never looks complete. The next export works."""
    lines = b"".join(b"%d,%s\n" % (number, b"x" * 60) for number in range(200_000))
    made = owner.client.post("/datasets/create/from-file", files={"file": ("long.csv", b"id,text\n" + lines)})
    path = f"/datasets/{made.json()['data']['id']}/export"
    assert server.process is not None

    def read_until_killed() -> None:
        with owner.client.stream("GET", path) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            for process in psutil.Process(server.process.pid).children(recursive=True):
                if "hallmarket.server.query_engine.process_main" in get_command(process):
                    kill(process)
            for _ in pieces:
                pass

    with pytest.raises(httpx.RemoteProtocolError):
        read_until_killed()
    assert owner.client.get(path).content == b"id,text\n" + lines


def test_official_client(server: Server, owner: User) -> None:
    """The official client creates a dataset, and reads it whole, by query, by page and by download."""
    with official_client(server, owner.member.key) as ouro:
        frame = pd.DataFrame(
            {
                "big": [2**62, -(2**62), 3],
                "text": ["a", None, "c"],
                "at": pd.to_datetime(
                    ["2024-01-01T00:00:00Z", "2024-02-29T12:00:00.5Z", None], utc=True, format="ISO8601"
                ),
                "yes": [True, False, True],
            }
        )
        made = ouro.datasets.create(name="Read me", visibility="private", data=frame)
        whole = ouro.datasets.query(made.id)
        assert list(whole["big"]) == list(frame["big"])
        assert [None if pd.isna(text) else text for text in whole["text"]] == ["a", None, "c"]
        assert list(whole["yes"]) == [True, False, True]
        counted = ouro.datasets.query(made.id, sql="select count(*), max(big) from {{table}} where yes")
        assert counted.to_dict("records") == [{"count": 2, "max": 2**62}]
        page = ouro.datasets.list_rows(made.id, limit=2)
        assert (len(page.data), page.has_more, page.total) == (2, True, 3)
        rest = ouro.datasets.list_rows(made.id, limit=2, cursor=page.next_cursor)
        assert (len(rest.data), rest.has_more, rest.next_cursor) == (1, False, None)
        queried = ouro.datasets.list_rows(made.id, sql="select big from {{table}} order by big", limit=2, offset=1)
        assert [row["big"] for row in queried.data] == [3, 2**62]
        assert (queried.total, queried.has_more, queried.sql) == (3, False, "select big from {{table}} order by big")


def test_decimals_are_exact(owner: User) -> None:
    """Decimals and sums of large numbers are returned exactly."""
    made = make_dataset(
        owner,
        [{"n": "12345678901234567890.12"}, {"n": "0.01"}],
        schema='CREATE TABLE x ("n" NUMERIC(30,2))',
    )["id"]
    answer = owner.client.post(f"/datasets/{made}/query-custom", json={"query": "select sum(n) from {{table}}"})
    assert json.loads(answer.text, parse_float=Decimal)["data"] == [{"sum": Decimal("12345678901234567890.13")}]
