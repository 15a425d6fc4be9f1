"""The bindings to the exchange against a real server: one method an endpoint."""

from hashlib import sha3_512

import pytest

from _support.organizations import new_organization
from hallmarket.client import Exchange, HallmarketError


@pytest.fixture(scope="module")
def org(server):
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture
def admin(org):
    """The bindings with the administrator's key."""
    with Exchange(org.server.url, org.admin.member.key, retry_s=5) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 2,500 rows."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("id,name\n" + "".join(f"{number},row {number}\n" for number in range(2500)), "utf-8")
    return path


def test_people_and_places(admin, org):
    """Who the key is of, others by name or id, the organization by its name, the teams one is in."""
    other = org.new_user()
    assert admin.me().id == org.admin.id
    assert admin.person(other.member.username).user_id == admin.person(other.id).user_id == other.id
    (row,) = org.server.query("select slug from organization where id = $1", org.id)
    assert admin.organization(row["slug"]).id == org.id
    team = org.admin.create_team("bindings")
    assert team["id"] in [one.id for one in admin.teams(org.id)]


def test_a_dataset_from_its_file_to_its_proof(admin, org, table):
    """A table goes in as a file, is described, read in pages, asked, added to; each version has its manifest."""
    made = admin.datasets.create_from_file(table, 'a "table".csv', name="Rows", visibility="private")
    assert (made.name, made.asset_type, made.org_id) == ("Rows", "dataset", org.id)
    assert [(column.name, column.type) for column in admin.datasets.schema(made.id)] == [
        ("id", "bigint"),
        ("name", "text"),
    ]
    assert admin.datasets.stats(made.id).count == 2500
    assert [row["id"] for row in admin.datasets.rows(made.id)] == list(range(2500))
    answer = admin.datasets.query(made.id, "select max(id) as most from {{table}}")
    assert answer.data == [{"most": 2499}]
    done, warning = admin.datasets.write(made.id, [b'{"id":2500,"colour":"red"}'], "append", finalize=True)
    assert (done.inserted, warning["ignored_columns"][0]["column"]) == (1, "colour")
    versions = list(admin.datasets.iterate_versions(made.id))
    assert [(version.number, version.rows) for version in versions] == [(2, 2501), (1, 2500)]
    assert admin.datasets.version(made.id, 1).sha3_512 == versions[1].sha3_512
    manifest = admin.datasets.manifest(made.id, 1)
    assert sha3_512(manifest).hexdigest() == versions[1].sha3_512
    assert admin.datasets.find_proof(made.id, 9) is None


def test_search_pages(admin, table):
    """`iterate` yields everything that is found once, over as many pages as it takes, or as much as is wanted."""
    made = {admin.datasets.create_from_file(table, "t.csv", name=f"Paged {number}").id for number in range(3)}
    filters = {"asset_type": "dataset"}
    pages = [admin.assets.search("Paged", limit=2, offset=offset, filters=filters) for offset in (0, 2)]
    assert {asset.id for page in pages for asset in page.data} == made
    assert [page.pagination.has_more for page in pages] == [True, False]
    assert {asset.id for asset in admin.assets.iterate("Paged", filters=filters)} == made
    assert len(list(admin.assets.iterate("Paged", max_items=2, filters=filters))) == 2


def test_roles_and_deletion(admin, org, table):
    """A role is given, listed and taken; what is deleted is gone."""
    made, other = admin.datasets.create_from_file(table, "t.csv"), org.new_user()
    admin.assets.share(made.id, other.id, "write")
    assert [(one.user_id, one.role) for one in admin.assets.permissions(made.id)] == [
        (org.admin.id, "admin"),
        (other.id, "write"),
    ]
    admin.assets.share(made.id, other.id, "none")
    assert len(list(admin.assets.permissions(made.id))) == 1
    assert admin.assets.delete(made.id, dry_run=True).dry_run
    assert admin.assets.get(made.id).id == made.id
    admin.assets.delete(made.id)
    with pytest.raises(HallmarketError, match="NOT_FOUND"):
        admin.assets.get(made.id)


def test_a_file_and_an_upload_that_becomes_none(admin, tmp_path):
    """An upload has the server's own fingerprint, becomes a file under its id, or is discarded."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff and so on")
    upload = admin.files.upload(path, "photo.jpg", "private")
    assert upload.sha3_512 == sha3_512(path.read_bytes()).hexdigest()
    assert admin.files.find(upload.id) is None
    made = admin.files.create(upload, name="The harbour", visibility="private")
    assert (made.id, admin.files.get(made.id).name) == (upload.id, "The harbour")
    other = admin.files.upload(path, "other.jpg", None)
    admin.files.discard(f"{other.bucket}/{other.path}")
    with pytest.raises(HallmarketError):
        admin.files.create(other, name="too late")
