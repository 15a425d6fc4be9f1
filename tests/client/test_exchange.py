"""The client `Exchange` against a real server: one method per endpoint."""

from hashlib import sha3_512

import pytest

from _support.organizations import new_organization
from hallmarket.client import Exchange, HallmarketError


@pytest.fixture(scope="module")
def org(server):
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as created:
        yield created


@pytest.fixture
def admin(org):
    """A client with the administrator's key."""
    with Exchange(org.server.url, org.admin.member.key, retry_s=5) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 2,500 rows."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("id,name\n" + "".join(f"{number},row {number}\n" for number in range(2500)), "utf-8")
    return path


def test_people_and_organizations(admin, org):
    """The key's owner, users by name or id, the organization by its name, and the user's teams are found."""
    other = org.new_user()
    assert admin.me().id == org.admin.id
    assert admin.person(other.member.username).user_id == admin.person(other.id).user_id == other.id
    (row,) = org.server.query("select slug from organization where id = $1", org.id)
    assert admin.organization(row["slug"]).id == org.id
    team = org.admin.create_team("bindings")
    assert team["id"] in [one.id for one in admin.teams(org.id)]


def test_a_dataset_from_its_file_to_its_proof(admin, org, table):
    """A table is created from a file, described, read in pages, queried, extended; each version has a manifest."""
    created = admin.datasets.create_from_file(table, 'a "table".csv', name="Rows", visibility="private")
    assert (created.name, created.asset_type, created.org_id) == ("Rows", "dataset", org.id)
    assert [(column.name, column.type) for column in admin.datasets.schema(created.id)] == [
        ("id", "bigint"),
        ("name", "text"),
    ]
    assert admin.datasets.stats(created.id).count == 2500
    assert [row["id"] for row in admin.datasets.rows(created.id)] == list(range(2500))
    answer = admin.datasets.query(created.id, "select max(id) as most from {{table}}")
    assert answer.data == [{"most": 2499}]
    done, warning = admin.datasets.write(created.id, [b'{"id":2500,"colour":"red"}'], "append", finalize=True)
    assert (done.inserted, warning["ignored_columns"][0]["column"]) == (1, "colour")
    versions = list(admin.datasets.iterate_versions(created.id))
    assert [(version.number, version.rows) for version in versions] == [(2, 2501), (1, 2500)]
    assert admin.datasets.version(created.id, 1).sha3_512 == versions[1].sha3_512
    manifest = admin.datasets.manifest(created.id, 1)
    assert sha3_512(manifest).hexdigest() == versions[1].sha3_512
    assert admin.datasets.find_proof(created.id, 9) is None


def test_search_pages(admin, table):
    """`iterate` yields everything once over as many pages as needed, or as many items as requested."""
    created = {admin.datasets.create_from_file(table, "t.csv", name=f"Paged {number}").id for number in range(3)}
    filters = {"asset_type": "dataset"}
    pages = [admin.assets.search("Paged", limit=2, offset=offset, filters=filters) for offset in (0, 2)]
    assert {asset.id for page in pages for asset in page.data} == created
    assert [page.pagination.has_more for page in pages] == [True, False]
    assert {asset.id for asset in admin.assets.iterate("Paged", filters=filters)} == created
    assert len(list(admin.assets.iterate("Paged", max_items=2, filters=filters))) == 2


def test_roles_and_deletion(admin, org, table):
    """A role is given, listed and removed; a deleted asset is gone."""
    created, other = admin.datasets.create_from_file(table, "t.csv"), org.new_user()
    admin.assets.share(created.id, other.id, "write")
    assert [(one.user_id, one.role) for one in admin.assets.permissions(created.id)] == [
        (org.admin.id, "admin"),
        (other.id, "write"),
    ]
    admin.assets.share(created.id, other.id, "none")
    assert len(list(admin.assets.permissions(created.id))) == 1
    assert admin.assets.delete(created.id, dry_run=True).dry_run
    assert admin.assets.get(created.id).id == created.id
    admin.assets.delete(created.id)
    with pytest.raises(HallmarketError, match="NOT_FOUND"):
        admin.assets.get(created.id)


def test_a_file_and_a_discarded_upload(admin, tmp_path):
    """An upload has the server's fingerprint, and becomes a file with its id or is discarded."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff and so on")
    upload = admin.files.upload(path, "photo.jpg", "private")
    assert upload.sha3_512 == sha3_512(path.read_bytes()).hexdigest()
    assert admin.files.find(upload.id) is None
    created = admin.files.create(upload, name="The harbour", visibility="private")
    assert (created.id, admin.files.get(created.id).name) == (upload.id, "The harbour")
    other = admin.files.upload(path, "other.jpg", None)
    admin.files.discard(f"{other.bucket}/{other.path}")
    with pytest.raises(HallmarketError):
        admin.files.create(other, name="too late")
