"""The bindings to the exchange against a real server: one method an endpoint."""

from hashlib import sha3_512

import pytest

from circle import new_circle
from hallmarket.client.errors import HallmarketError
from hallmarket.client.exchange import Exchange


@pytest.fixture(scope="module")
def circle(server):
    """A new organization of the shared server, with an administrator."""
    with new_circle(server) as made:
        yield made


@pytest.fixture
def boss(circle):
    """The bindings with the administrator's key."""
    with Exchange(circle.server.url, circle.boss.member.key, retry_s=5) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 2,500 rows."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("id,name\n" + "".join(f"{number},row {number}\n" for number in range(2500)), "utf-8")
    return path


def test_people_and_places(boss, circle):
    """Who the key is of, others by name or id, the organization by its name, the teams one is in."""
    other = circle.person()
    assert boss.me().id == circle.boss.id
    assert boss.person(other.member.username).user_id == boss.person(other.id).user_id == other.id
    (row,) = circle.server.query("select slug from organization where id = $1", circle.organization)
    assert boss.organization(row["slug"]).id == circle.organization
    team = circle.boss.create_team("bindings")
    assert team["id"] in [one.id for one in boss.teams(circle.organization)]


def test_a_dataset_from_its_file_to_its_proof(boss, circle, table):
    """A table goes in as a file, is described, read in pages, asked, added to; each version has its manifest."""
    made = boss.datasets.create_from_file(table, 'a "table".csv', name="Rows", visibility="private")
    assert (made.name, made.asset_type, made.org_id) == ("Rows", "dataset", circle.organization)
    assert [(column.name, column.type) for column in boss.datasets.schema(made.id)] == [
        ("id", "bigint"),
        ("name", "text"),
    ]
    assert boss.datasets.stats(made.id).count == 2500
    assert [row["id"] for row in boss.datasets.rows(made.id)] == list(range(2500))
    answer = boss.datasets.query(made.id, "select max(id) as most from {{table}}")
    assert answer.data == [{"most": 2499}]
    done, warning = boss.datasets.write(made.id, [b'{"id":2500,"colour":"red"}'], "append", finalize=True)
    assert (done.inserted, warning["ignored_columns"][0]["column"]) == (1, "colour")
    versions = list(boss.datasets.iterate_versions(made.id))
    assert [(version.number, version.rows) for version in versions] == [(2, 2501), (1, 2500)]
    assert boss.datasets.version(made.id, 1).sha3_512 == versions[1].sha3_512
    manifest = boss.datasets.manifest(made.id, 1)
    assert sha3_512(manifest).hexdigest() == versions[1].sha3_512
    assert boss.datasets.find_proof(made.id, 9) is None


def test_search_pages(boss, table):
    """`iterate` yields everything that is found once, over as many pages as it takes, or as much as is wanted."""
    made = {boss.datasets.create_from_file(table, "t.csv", name=f"Paged {number}").id for number in range(3)}
    filters = {"asset_type": "dataset"}
    pages = [boss.assets.search("Paged", limit=2, offset=offset, filters=filters) for offset in (0, 2)]
    assert {asset.id for page in pages for asset in page.data} == made
    assert [page.pagination.has_more for page in pages] == [True, False]
    assert {asset.id for asset in boss.assets.iterate("Paged", filters=filters)} == made
    assert len(list(boss.assets.iterate("Paged", max_items=2, filters=filters))) == 2


def test_roles_and_deletion(boss, circle, table):
    """A role is given, listed and taken; what is deleted is gone."""
    made, other = boss.datasets.create_from_file(table, "t.csv"), circle.person()
    boss.assets.share(made.id, other.id, "write")
    assert [(one.user_id, one.role) for one in boss.assets.permissions(made.id)] == [
        (circle.boss.id, "admin"),
        (other.id, "write"),
    ]
    boss.assets.share(made.id, other.id, "none")
    assert len(list(boss.assets.permissions(made.id))) == 1
    assert boss.assets.delete(made.id, dry_run=True).dry_run
    assert boss.assets.get(made.id).id == made.id
    boss.assets.delete(made.id)
    with pytest.raises(HallmarketError, match="NOT_FOUND"):
        boss.assets.get(made.id)


def test_a_file_and_an_upload_that_becomes_none(boss, tmp_path):
    """An upload has the server's own fingerprint, becomes a file under its id, or is discarded."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff and so on")
    upload = boss.files.upload(path, "photo.jpg", "private")
    assert upload.sha3_512 == sha3_512(path.read_bytes()).hexdigest()
    assert boss.files.find(upload.id) is None
    made = boss.files.create(upload, name="The harbour", visibility="private")
    assert (made.id, boss.files.get(made.id).name) == (upload.id, "The harbour")
    other = boss.files.upload(path, "other.jpg", None)
    boss.files.discard(f"{other.bucket}/{other.path}")
    with pytest.raises(HallmarketError):
        boss.files.create(other, name="too late")
