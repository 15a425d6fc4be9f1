"""Writing to datasets: pending rows, versions, and rejected writes."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from _support.datasets import make_dataset
from _support.files import make_file
from _support.organizations import Organization, User, new_organization
from _support.responses import assert_exchange_error
from _support.servers import Server


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def owner(org: Organization) -> User:
    """A person with datasets."""
    return org.new_user()


def write(owner: User, dataset: str, rows: list[dict[str, Any]], **more: Any) -> Any:
    """Write rows."""
    return owner.client.post(f"/datasets/{dataset}/data", json={"rows": rows, **more})


def ids(owner: User, dataset: str, **query: Any) -> list[int]:
    """Return the ids of the rows."""
    rows = owner.call("GET", f"/datasets/{dataset}/data", params={"limit": 1000, **query})
    return [row["id"] for row in rows]


def versions(owner: User, dataset: str) -> list[int]:
    """Return the number of rows in each version, oldest first."""
    return [version["rows"] for version in reversed(owner.call("GET", f"/datasets/{dataset}/versions"))]


def test_pending_rows_are_visible_once_they_are_finished(owner: User) -> None:
    """Pending appends and overwrites are invisible. Finishing them makes one version."""
    dataset = make_dataset(owner)["id"]
    assert write(owner, dataset, [{"id": 7}], mode="overwrite", finalize=False).status_code == 200
    assert write(owner, dataset, [{"id": 8}], finalize=False).status_code == 200
    assert ids(owner, dataset) == [1, 2]
    assert owner.call("GET", f"/datasets/{dataset}/stats")["count"] == 2
    assert write(owner, dataset, [], finalize=True).status_code == 200
    assert ids(owner, dataset) == [7, 8]
    assert ids(owner, dataset, version=1) == [1, 2]
    assert write(owner, dataset, []).status_code == 200
    assert versions(owner, dataset) == [2, 2]


def test_concurrent_writes_are_all_stored(owner: User) -> None:
    """Concurrent writes run one after the other: each makes a version, and no row is lost or repeated."""
    dataset = make_dataset(owner, [{"id": 0}])["id"]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda key: write(owner, dataset, [{"id": key}]).status_code, range(1, 13)))
    assert answers == [200] * 12
    assert sorted(ids(owner, dataset)) == list(range(13))
    assert versions(owner, dataset) == list(range(1, 14))


@pytest.mark.parametrize(
    ("rows", "options", "status", "message"),
    [
        ([{"id": 3, "mm": "x"}], {}, 400, "Column mm, row 1: x is not double precision"),
        ([{"id": 3}, {"id": 3}], {}, 409, "id must be unique"),
        ([{"id": 1}], {}, 409, "Use upsert"),
        ([{"mm": 1.0}], {}, 400, "must not be null"),
        ([{"mm": 1.0}], {"mode": "upsert"}, 400, "needs its key"),
        ([{"id": None}], {"mode": "update"}, 400, "needs its key"),
        ([{"id": 3, "ID": 4}], {}, 400, "the same column"),
        ([{"id": 3}], {"mode": "replace"}, 400, "mode"),
        ([3], {}, 400, "list of objects"),
        ({"id": 3}, {}, 400, "list of objects"),
    ],
)
def test_a_rejected_write_changes_nothing(
    owner: User, rows: Any, options: dict[str, Any], status: int, message: str
) -> None:
    """One row with an invalid or repeated value rejects all rows of the request."""
    dataset = make_dataset(owner)["id"]
    answer = owner.client.post(f"/datasets/{dataset}/data", json={"rows": rows, **options})
    assert answer.status_code == status, answer.text
    assert message in answer.json()["error"]["message"]
    assert versions(owner, dataset) == [2]


def test_text_can_contain_nul(owner: User) -> None:
    """NUL in text is stored and returned. Only the preview shows another character."""
    dataset = make_dataset(owner, [{"id": 1, "text": "a\0b"}])
    assert dataset["preview"] == [{"id": 1, "text": "a\ufffdb"}]
    assert write(owner, dataset["id"], [{"id": 2, "text": "\0"}]).status_code == 200
    rows = owner.call("GET", f"/datasets/{dataset['id']}/data")
    assert [row["text"] for row in rows] == ["a\0b", "\0"]


def test_sparse_rows_are_limited_by_values(owner: User) -> None:
    """Rows that leave out most values are rejected before memory for all values is allocated."""
    wide, rows = {f"c{number}": 1 for number in range(1600)}, 12_500
    dataset = make_dataset(owner, [wide])["id"]
    assert_exchange_error(write(owner, dataset, [{}] * (rows + 1)), 413, "payload_too_large")
    body = {"dataset": {"name": "x", "visibility": "private", "rows": [wide, *[{}] * rows]}}
    answer = owner.client.post("/datasets/create/from-schema", json=body)
    assert_exchange_error(answer, 413, "payload_too_large")
    assert versions(owner, dataset) == [1]


def test_the_choice_of_the_key(owner: User) -> None:
    """Unique ids become the key. An overwrite chooses it anew, and an upsert makes a key of unique ids."""
    dataset = make_dataset(owner, [{"id": 1}, {"id": 1}])["id"]
    assert "key" in write(owner, dataset, [{"id": 1}], mode="upsert").json()["error"]["message"]
    assert write(owner, dataset, [{"id": 1}, {"id": 2}], mode="overwrite").status_code == 200
    assert owner.call("GET", f"/datasets/{dataset}")["metadata"]["key"] == "id"
    assert write(owner, dataset, [{"id": 2}]).status_code == 409
    assert write(owner, dataset, [{"id": 2}, {"id": 2}], mode="overwrite").status_code == 200
    assert owner.call("GET", f"/datasets/{dataset}")["metadata"]["key"] is None
    empty = owner.call(
        "POST",
        "/datasets/create/from-schema",
        json={
            "dataset": {
                "name": "e",
                "schema": 'create table x ("id" bigint, "n" numeric(38,18))',
                "visibility": "private",
            }
        },
    )["id"]
    exact = '{"rows": [{"id": 1, "n": 12345678901234567890.123456789012345678}], "mode": "upsert"}'
    body = gzip.compress(exact.encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert owner.client.post(f"/datasets/{empty}/data", content=body, headers=headers).status_code == 200
    assert b"12345678901234567890.123456789012345678" in owner.client.get(f"/datasets/{empty}/data").content


def test_a_rejected_creation_leaves_nothing(server: Server, owner: User) -> None:
    """A dataset with invalid or repeated values is not created, and its files are deleted."""
    before = server.query("select count(*) from asset")[0][0]
    tables = sum(1 for _ in (server.data / "tables").glob("??/*"))
    schema = 'create table x ("a" bigint, "b" text)'
    for fields, status in [
        ({"schema": schema, "rows": [{"a": 1.5}]}, 400),
        ({"schema": schema, "rows": [{"a": 1}] * 2, "indexes": [{"columns": ["a"], "unique": True}]}, 409),
        ({"schema": schema, "refs": {"c": "asset"}}, 400),
        ({"schema": "drop table x"}, 400),
        ({}, 400),
        ({"schema": schema, "rows": [{"a": 1}], "visibility": "inherit"}, 400),
    ]:
        answer = owner.client.post("/datasets/create/from-schema", json={"dataset": {"name": "x", **fields}})
        assert_exchange_error(answer, status, "conflict" if status == 409 else "invalid_request")
    assert server.query("select count(*) from asset")[0][0] == before
    assert sum(1 for _ in (server.data / "tables").glob("??/*")) == tables


def test_a_file_becomes_a_dataset(owner: User) -> None:
    """A dataset can be created from an uploaded file or a file asset. An error in the file names its line."""
    form = {"dataset": json.dumps({"visibility": "private", "enum_columns": {"state": ["on", "off"]}})}
    text = b"\xef\xbb\xbfid;State;when\n1;on;2024-01-01T00:00:00Z\n2;;\n"
    made = owner.client.post("/datasets/create/from-file", files={"file": ("My rows.csv", text)}, data=form)
    assert made.status_code == 200, made.text
    assert made.json()["data"]["name"] == "My rows"
    assert made.json()["row_ingest"]["inserted"] == 2
    dataset = made.json()["data"]["id"]
    assert ids(owner, dataset) == [1, 2]
    schema = owner.call("GET", f"/datasets/{dataset}/schema")
    assert [(column["name"], column["type"], column["enum_values"], column["is_key"]) for column in schema] == [
        ("id", "bigint", None, True),
        ("state", "text", ["on", "off"], False),
        ("when", "timestamp with time zone", None, False),
    ]
    file_id = make_file(owner, b'{"id": 5}\n{"id": 6}\n', "lines.ndjson", visibility="private")["id"]
    copied = owner.call(
        "POST", "/datasets/create/from-file", json={"file_id": file_id, "dataset": {"visibility": "private"}}
    )
    assert (copied["name"], ids(owner, copied["id"])) == ("lines", [5, 6])
    for name, content, words in [
        ("a.csv", b"a,b\n1\n", "Line 2 has 1 fields"),
        ("a.csv", b"id,state\n1,maybe\n", "maybe is not one of on, off"),
        ("a.pdf", b"%PDF", "ending in"),
    ]:
        refused = owner.client.post("/datasets/create/from-file", files={"file": (name, content)}, data=form)
        assert_exchange_error(refused, 400, "invalid_request")
        assert words in refused.json()["error"]["message"]


def test_versions_have_authors_and_columns(owner: User, org: Organization) -> None:
    """Each version has the author who finished it, and its own columns. A changed column makes a version."""
    dataset = make_dataset(owner)["id"]
    second = org.new_user()
    owner.call(
        "PUT", f"/datasets/{dataset}/share", json={"permission": {"user": {"user_id": second.id}, "role": "write"}}
    )
    second.call("PATCH", f"/datasets/{dataset}/columns/mm", json={"newName": "rain", "type": "numeric(6,2)"})
    newest, oldest = owner.call("GET", f"/datasets/{dataset}/versions")
    assert (newest["user_id"], oldest["user_id"]) == (second.id, owner.id)
    assert (newest["number"], oldest["number"]) == (2, 1)
    assert newest["sha3_512"] != oldest["sha3_512"]
    old, new = (owner.client.get(f"/datasets/{dataset}/versions/{number}/manifest").json() for number in (1, 2))
    assert [column["name"] for column in old["columns"]] == ["id", "day", "mm"]
    assert [column["type"] for column in new["columns"]] == ["bigint", "date", "numeric(6,2)"]
    assert owner.call("GET", f"/datasets/{dataset}/data", params={"version": 1})[0]["mm"] == 3.5
    assert_exchange_error(owner.client.get(f"/datasets/{dataset}/versions/x"), 400, "invalid_request")
