"""Datasets as the official client sees them: every method of `ouro.datasets`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

from _support.clients import official_client
from _support.organizations import Organization, new_organization
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.proof.bundle import Bundle, verify_bundle
from hallmarket.proof.entry import DATASET_VERSION
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.manifest import Manifest


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def ouro(server: Server, org: Organization) -> Iterator[Any]:
    """The official client of the organization's administrator."""
    with official_client(server, org.admin.member.key) as client:
        yield client


@pytest.fixture(scope="module")
def second(server: Server, org: Organization) -> Iterator[Any]:
    """The official client of another member."""
    with official_client(server, org.new_user().member.key) as client:
        yield client


def rain() -> pd.DataFrame:
    """A frame with a column of every kind, and names that need to be made plain."""
    return pd.DataFrame(
        {
            "id": [1, 2, 2**60 + 1],
            "Station Name": ["Zürich", None, "札幌"],
            "mm": [1.5, float("nan"), 0.1],
            "dry": [False, True, None],
            "at": pd.to_datetime(["2024-01-01T00:00:00.000001Z", None, "2024-01-03T12:00:00Z"], format="ISO8601"),
            "tags": [["a"], None, {"b": 1}],
            "TIMESTAMP of, day": [datetime(2024, 1, day, tzinfo=UTC).date() for day in (1, 2, 3)],
        }
    )


def make(ouro: Any, data: Any = None, **options: Any) -> Any:
    """A new private dataset."""
    return ouro.datasets.create(
        **{"name": "Rain", "visibility": "private", "data": rain() if data is None else data} | options
    )


def rows_of(ouro: Any, dataset: Any) -> list[dict[str, Any]]:
    """All rows, page by page."""
    return list(ouro.datasets._fetch_all_rows(str(dataset.id), page_size=2))


def test_a_frame_comes_back(ouro: Any) -> None:
    """What is created from a frame has its schema in PostgreSQL's words, its rows exactly, and its counts."""
    made = make(ouro, description="By **day**", license_id="cc-by")
    assert made.row_ingest.inserted == 3
    names = ["id", "station_name", "mm", "dry", "at", "tags", "timestamp_of_day"]
    assert made.metadata.columns == names
    schema = {column.name: column.type for column in ouro.datasets.schema(made.id)}
    assert list(schema) == names
    kinds = ["bigint", "text", "double precision", "boolean", "timestamp with time zone", "text", "date"]
    assert list(schema.values()) == kinds
    stats = ouro.datasets.stats(made.id)
    assert (stats.count, stats.column_count, stats.columns) == (3, 7, names)
    rows = rows_of(ouro, made)
    assert [row["id"] for row in rows] == [1, 2, 2**60 + 1]
    assert list(rows[0]) == names
    assert [row["station_name"] for row in rows] == ["Zürich", None, "札幌"]
    assert [row["mm"] for row in rows] == [1.5, None, 0.1]
    assert [row["dry"] for row in rows] == [False, True, None]
    assert [row["at"] for row in rows] == ["2024-01-01T00:00:00.000001+00:00", None, "2024-01-03T12:00:00.000000+00:00"]
    assert [row["tags"] for row in rows] == ['["a"]', None, '{"b": 1}']
    assert ouro.datasets.retrieve(str(made.id)).name == "Rain"
    assert ouro.datasets.query(str(made.id), "select sum(mm) as total from {{table}}")["total"][0] == pytest.approx(1.6)
    assert len(ouro.datasets.query(str(made.id))) == 3
    assert [one.id for one in ouro.datasets.list("Rain", scope="personal").data].count(made.id) == 1


def test_rows_are_written_in_every_mode(ouro: Any) -> None:
    """Append, overwrite, upsert and update do to the rows what they say, and count it."""
    made = make(ouro, pd.DataFrame({"id": [1, 2], "v": ["a", "b"], "w": [1, 2]}))

    def write(mode: str, rows: list[dict[str, Any]]) -> tuple[int, int, int]:
        done = ouro.datasets.update(str(made.id), data=pd.DataFrame(rows), data_mode=mode).row_ingest
        return done.inserted, done.updated, done.skipped

    def content() -> list[list[Any]]:
        return [list(row.values()) for row in rows_of(ouro, made)]

    assert write("append", [{"id": 3, "v": "c"}]) == (1, 0, 0)
    assert write("upsert", [{"id": 2, "v": "B", "w": 9}, {"id": 4, "v": "d", "w": 4}]) == (1, 1, 0)
    assert content() == [[1, "a", 1], [2, "B", 9], [3, "c", None], [4, "d", 4]]
    assert write("update", [{"id": 1, "v": None}, {"id": 99, "v": "x"}]) == (0, 1, 1)
    assert content() == [[1, None, 1], [2, "B", 9], [3, "c", None], [4, "d", 4]]
    with pytest.raises(Exception, match="unique"):
        write("append", [{"id": 4, "v": "again"}])
    assert write("overwrite", [{"id": 7, "v": "z"}]) == (1, 0, 0)
    assert content() == [[7, "z", None]]
    without = make(ouro, pd.DataFrame({"v": ["a"]}))
    with pytest.raises(Exception, match="key"):
        ouro.datasets.update(str(without.id), data=pd.DataFrame({"v": ["b"]}), data_mode="upsert")


def test_large_uploads_come_in_batches(ouro: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame too large for one request is one version of all its batches; so is an overwrite."""
    monkeypatch.setattr("ouro.resources.datasets.DATASET_UPLOAD_TARGET_BYTES", 2_000)
    frame = pd.DataFrame({"id": range(300), "v": [f"row {number}" for number in range(300)]})
    datasets = type(ouro.datasets)
    upload = datasets._upload_rows
    monkeypatch.setattr(datasets, "_upload_rows", lambda *given: upload(*given, max_bytes=2_000))
    made = make(ouro, frame)
    assert made.row_ingest.inserted == 300
    assert ouro.datasets.stats(str(made.id)).count == 300
    ouro.datasets.update(str(made.id), data=frame.tail(200), data_mode="overwrite")
    assert ouro.datasets.stats(str(made.id)).count == 200
    versions = ouro.client.get(f"/datasets/{made.id}/versions").json()["data"]
    assert [version["rows"] for version in versions] == [200, 300, 0]


def test_columns_change(ouro: Any) -> None:
    """Columns are added, renamed, retyped and dropped by whatever name they go; enums hold."""
    made = make(ouro, pd.DataFrame({"a/b c": ["1", "2"], "v": [1, 2]}))
    dataset = str(made.id)
    ouro.datasets.add_column(dataset, "State", enum_values=["todo", "done"], label="How far")
    ouro.datasets.add_column(dataset, "price", type="numeric(10,2)")
    ouro.datasets.update_column(dataset, "a/b c", new_name="Code", type="bigint")
    ouro.datasets.drop_column(dataset, "v")
    schema = {column.name: column for column in ouro.datasets.schema(dataset)}
    assert [(name, column.type) for name, column in schema.items()] == [
        ("code", "bigint"),
        ("state", "text"),
        ("price", "numeric(10,2)"),
    ]
    assert (schema["state"].semantic_type, schema["state"].enum_values) == ("enum", ["todo", "done"])
    ouro.datasets.update(dataset, data=[{"Code": 3, "state": "done", "price": "1.50"}])
    with pytest.raises(Exception, match="later is not one of todo, done"):
        ouro.datasets.update(dataset, data=[{"code": 4, "state": "later"}])
    with pytest.raises(Exception, match="is not bigint"):
        ouro.datasets.update(dataset, data=[{"code": "x"}])
    with pytest.raises(Exception, match="no such column"):
        ouro.datasets.drop_column(dataset, "nothing")
    assert [row["code"] for row in rows_of(ouro, made)] == [1, 2, 3]
    assert ouro.datasets.update(dataset, enum_columns={"state": ["done", "open"]}).metadata.enum_columns["state"].values


def test_indexes_come_and_go(ouro: Any) -> None:
    """The key stands first; the same columns have one index; a unique one is kept at every write."""
    made = make(
        ouro,
        pd.DataFrame({"id": [1, 2], "v": ["a", "b"], "w": [1, 1]}),
        indexes=["w", {"columns": ["v"], "unique": True}],
    )
    dataset = str(made.id)
    indexes = ouro.datasets.list_indexes(dataset)
    assert [(index.columns, index.is_primary, index.is_unique) for index in indexes] == [
        (["id"], True, True),
        (["w"], False, False),
        (["v"], False, True),
    ]
    assert ouro.datasets.create_index(dataset, ["w"]).name == next(one.name for one in indexes if one.columns == ["w"])
    with pytest.raises(Exception, match="unique"):
        ouro.datasets.create_index(dataset, ["w"], unique=True)
    with pytest.raises(Exception, match="unique"):
        ouro.datasets.update(dataset, data=[{"id": 3, "v": "a"}])
    ouro.datasets.drop_index(dataset, next(one.name for one in indexes if one.columns == ["v"]))
    ouro.datasets.update(dataset, data=[{"id": 3, "v": "a"}])
    with pytest.raises(Exception, match="cannot be dropped"):
        ouro.datasets.drop_index(dataset, indexes[0].name)


def test_references_leave_out_what_is_nobodys(ouro: Any) -> None:
    """Rows that refer to nothing are skipped and told of; a column with such values becomes no reference."""
    target = make(ouro, pd.DataFrame({"v": [1]}))
    post = str(target.id)
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "ref": [post, str(uuid4()), "nonsense", None]})
    made = make(ouro, frame, refs={"ref": "dataset"})
    assert (made.row_ingest.inserted, made.row_ingest.skipped) == (2, 2)
    refs = made.ingest_warning["refs"]
    assert (refs["missing_count"], refs["malformed_count"], refs["skipped_row_count"]) == (1, 1, 2)
    assert [row["ref"] for row in rows_of(ouro, made)] == [post, None]
    wrong = ouro.datasets.update(str(made.id), data=[{"id": 5, "ref": post, "other": 1}]).ingest_warning
    assert wrong["ignored_columns"] == [{"column": "other", "count": 1}]
    plain = make(ouro, frame)
    with pytest.raises(Exception, match="ref"):
        ouro.datasets.update(str(plain.id), refs={"ref": "asset"})
    (column,) = [one for one in ouro.datasets.schema(str(made.id)) if one.name == "ref"]
    assert (column.semantic_type, column.ref_kind, column.asset_type) == ("reference", "asset", "dataset")


def test_views_are_saved(ouro: Any) -> None:
    """A view is saved, listed, changed where it is said to, and deleted."""
    dataset = str(make(ouro).id)
    made = ouro.datasets.create_view(dataset, "By day", sql_query="select 1", config={"type": "line"})
    changed = ouro.datasets.update_view(dataset, str(made.id), description="new")
    assert (changed.name, changed.sql_query, changed.config, changed.description) == (
        "By day",
        "select 1",
        {"type": "line"},
        "new",
    )
    assert [view.id for view in ouro.datasets.list_views(dataset)] == [made.id]
    ouro.datasets.delete_view(dataset, str(made.id))
    assert ouro.datasets.list_views(dataset) == []


def test_roles_decide(ouro: Any, second: Any) -> None:
    """Nobody else knows of a private dataset; read reads, write writes, only administrators share and delete."""
    made = make(ouro)
    dataset, person = str(made.id), str(second.user.id)
    with pytest.raises(Exception, match="no such") as hidden:
        second.datasets.retrieve(dataset)
    assert hidden.value.status_code == 404
    ouro.assets.share(dataset, person, role="read")
    assert person in {str(one.user_id) for one in ouro.datasets.permissions(dataset)}
    assert second.datasets.stats(dataset).count == 3
    with pytest.raises(Exception, match="not change it"):
        second.datasets.update(dataset, data=[{"id": 9}])
    ouro.assets.share(dataset, person, role="write")
    assert second.datasets.update(dataset, data=[{"id": 9}]).row_ingest.inserted == 1
    with pytest.raises(Exception, match="administrators"):
        second.datasets.delete(dataset)
    assert ouro.datasets.delete(dataset, dry_run=True).dry_run
    assert ouro.datasets.delete(dataset).id == made.id
    with pytest.raises(Exception, match="no such"):
        ouro.datasets.stats(dataset)


def test_versions_are_proved(server: Server, ouro: Any) -> None:
    """Each finished write is a version whose manifest is in the log, and says what it consists of."""
    made = make(ouro)
    ouro.datasets.update(str(made.id), data=[{"id": 4}])
    where = f"/datasets/{made.id}/versions"
    anchored = wait_until(
        lambda: (found := ouro.client.get(where).json()["data"]) and all(one["status"] == 3 for one in found) and found
    )
    assert [(one["number"], one["rows"]) for one in anchored] == [(2, 4), (1, 3)]
    with server.client("") as client:
        key = VerifierKey.parse(client.get("/log/key").text.strip())
    for version in anchored:
        manifest = ouro.client.get(f"{where}/{version['number']}/manifest").content
        bundle = Bundle.parse(ouro.client.get(f"{where}/{version['number']}/proof").content)
        verified = verify_bundle(bundle, key, version["sha3_512"], len(manifest), kind=DATASET_VERSION)
        assert verified.claims is not None
        assert Manifest.parse(manifest).rows == version["rows"] == verified.claims.rows
    assert ouro.client.get(f"{where}/3").status_code == 404
