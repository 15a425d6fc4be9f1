"""Files by the official client, unmodified: every method of `client.files`, and downloads of `client.assets`."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from _support.clients import official_client
from _support.organizations import Organization, User, new_organization
from _support.servers import Server

CSV = b"hour,metres\n0,3.1\n6,0.4\n"


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def admin(org: Organization) -> Iterator[Any]:
    """The administrator's official client."""
    with official_client(org.server, org.admin.member.key) as client:
        yield client


@pytest.fixture(scope="module")
def team(org: Organization) -> str:
    """A team whose assets may be public."""
    return str(org.admin.create_team("open-sea", visibility="public")["id"])


@pytest.fixture
def guest(org: Organization) -> User:
    """A member who is given roles."""
    return org.new_user()


@pytest.fixture
def second(org: Organization, guest: User) -> Iterator[Any]:
    """That member's official client."""
    with official_client(org.server, guest.member.key) as client:
        yield client


def fetch(url: str) -> bytes:
    """What an address opens to somebody without any credential."""
    response = httpx.get(url, trust_env=False)
    assert response.status_code == 200, response.text
    return response.content


def test_a_file_from_bytes_and_from_disk(admin: Any, tmp_path: Path) -> None:
    """A file is created of bytes and of a local file, is what its bytes are, and is read, downloaded, and linked to."""
    path = tmp_path / "tide.csv"
    path.write_bytes(CSV)
    for source in ({"file_path": str(path)}, {"file_content": CSV, "file_name": "tide.csv"}):
        file = admin.files.create("The tide", "private", description="**Low** tide", license_id="CC0-1.0", **source)
        assert (file.name, file.visibility, file.asset_type, file.state) == ("The tide", "private", "file", "success")
        told = file.metadata
        assert (told.name, told.size, told.type, told.extension) == ("tide.csv", len(CSV), "text/csv", "csv")
        assert (told.mime_type, told.bucket, told.id) == ("text/csv", "files", file.id)
        assert told.full_path == f"files/{told.path}"
        assert told.sha3_512 == hashlib.sha3_512(CSV).hexdigest()
        again = admin.files.retrieve(str(file.id))
        assert again.metadata == told
        assert fetch(again.data.url) == CSV
        assert admin.files.retrieve(str(file.id), include_data=False).data is None
        saved = admin.assets.download(str(file.id), output_path=f"{tmp_path}/out/")
        assert (saved.filename, saved.content_type, saved.size) == ("tide.csv", "text/csv", len(CSV))
        assert Path(saved.path).read_bytes() == CSV
        link = admin.assets.create_download_url(str(file.id))
        assert (link["file_name"], link["content_type"], link["asset_type"]) == ("tide.csv", "text/csv", "file")
        assert link["expires_in"] > 0
        assert fetch(link["download_url"]) == CSV
        assert admin.assets.retrieve(str(file.id)).metadata == told


def test_what_bytes_are_is_not_for_their_sender_to_say(admin: Any, team: str) -> None:
    """Size, type and extension are those of the bytes; the bucket says whether everybody may see the file."""
    png = b"\x89PNG\r\n\x1a\n" + os.urandom(100)
    file = admin.files.create("A picture", "public", file_content=png, file_name="holiday.csv", team_id=team)
    told = file.metadata
    assert (told.type, told.extension, told.bucket, told.size) == ("image/png", "png", "public-files", 108)
    hidden = admin.files.update(str(file.id), visibility="organization")
    assert (hidden.metadata.bucket, hidden.metadata.path) == ("files", told.path)
    unknown = admin.files.create("A crystal", "private", file_content=b"data_x\n", file_name="x.cif")
    assert (unknown.metadata.type, unknown.metadata.extension) == ("application/octet-stream", "cif")


def test_a_file_is_changed_in_place(admin: Any) -> None:
    """New content keeps id and path; what is not mentioned stays; both at once is one change."""
    import ouro

    file = admin.files.create("The tide", "private", file_content=CSV, file_name="tide.csv", price_usd=5)
    renamed = admin.files.update(str(file.id), name="High tide", price_sats=7)
    assert (renamed.name, renamed.price_usd, renamed.price_sats, renamed.metadata.size) == ("High tide", 5, 7, len(CSV))
    longer = CSV + b"12,3.3\n"
    changed = admin.files.update(str(file.id), file_content=longer, file_name="tide2.csv", name="Both")
    assert (changed.id, changed.name, changed.metadata.path) == (file.id, "Both", file.metadata.path)
    assert (changed.metadata.size, changed.metadata.name) == (len(longer), "tide2.csv")
    assert fetch(admin.files.read_data(str(file.id)).url) == longer
    with pytest.raises(ouro.BadRequestError):
        admin.files.update(str(file.id), file_content=b"x", file_name="x", price_usd=-1)
    assert fetch(admin.files.read_data(str(file.id)).url) == longer


def test_bytes_sent_to_an_address(admin: Any, team: str) -> None:
    """A large file goes to an address of its own, is looked at, becomes a file, or another file's content."""
    import ouro

    begun = admin.files.create_upload_url("walk.bin", visibility="public")
    assert begun["upload_id"] == f"{begun['bucket']}/{begun['path']}"
    assert begun["headers"] == {"content-type": begun["mime_type"]}
    assert (begun["method"], begun["bucket"], begun["expires_in"] > 0) == ("PUT", "public-files", True)
    with pytest.raises(ouro.NotFoundError):
        admin.files.create("Too early", "public", upload_id=begun["upload_id"])
    content = os.urandom(3_000_001)
    sent = httpx.put(begun["upload_url"], content=content, headers=begun["headers"], trust_env=False)
    assert sent.status_code == 200, sent.text
    assert admin.files.read_upload(begun["upload_id"], discard=False) == content
    sent_by = {"upload_id": begun["upload_id"], "file_name": "long walk.bin"}
    file = admin.files.create("A walk", "public", team_id=team, **sent_by)
    assert (file.metadata.size, file.metadata.name) == (len(content), "long walk.bin")
    assert fetch(file.read_data().url) == content
    with pytest.raises(ouro.NotFoundError):
        admin.files.create("Twice", "public", upload_id=begun["upload_id"])
    another = admin.files.create_upload_url("short.csv")
    httpx.put(another["upload_url"], content=CSV, trust_env=False).raise_for_status()
    changed = admin.files.update(str(file.id), upload_id=another["upload_id"])
    assert (changed.metadata.path, changed.metadata.size) == (file.metadata.path, len(CSV))
    assert (changed.metadata.name, changed.metadata.type) == ("short.csv", "text/csv")
    with pytest.raises(ouro.NotFoundError):
        admin.files.read_upload(another["upload_id"])


def test_an_upload_is_read_and_discarded(admin: Any) -> None:
    """What was sent for something else than a file is read once and is gone then."""
    import ouro

    begun = admin.files.create_upload_url("notes.md", content_type="text/markdown")
    assert begun["mime_type"] == "text/markdown"
    httpx.put(begun["upload_url"], content=b"# Notes", trust_env=False).raise_for_status()
    assert admin.files.read_upload(begun["upload_id"]) == b"# Notes"
    for call in (admin.files.read_upload, admin.files.discard_upload):
        with pytest.raises(ouro.NotFoundError):
            call(begun["upload_id"])
    assert httpx.put(begun["upload_url"], content=b"again", trust_env=False).status_code == 404


def test_each_role_opens_what_it_should(
    admin: Any, org: Organization, guest: User, second: Any, tmp_path: Path
) -> None:
    """A second person: before any role nothing, then reading, changing, sharing and deleting, each with its role."""
    import ouro

    file = admin.files.create("The tide", "private", file_content=CSV, file_name="tide.csv")
    name, out, third = str(file.id), str(tmp_path / "out.csv"), org.new_user()

    def try_all() -> dict[str, str]:
        calls = {
            "retrieve": lambda: second.files.retrieve(name),
            "data": lambda: second.files.read_data(name),
            "download": lambda: second.assets.download(name, output_path=out),
            "link": lambda: second.assets.create_download_url(name),
            "rename": lambda: second.files.update(name, name="Mine"),
            "replace": lambda: second.files.update(name, file_content=CSV, file_name="tide.csv"),
            "price": lambda: second.files.update(name, price_usd=3),
            "share": lambda: second.files.share(name, third.id, "read"),
            "dry run": lambda: second.files.delete(name, dry_run=True),
        }
        found = {}
        for what, call in calls.items():
            try:
                call()
                found[what] = "yes"
            except ouro.APIStatusError as error:
                found[what] = str(error.status_code)
        return found

    assert set(try_all().values()) == {"404"}
    admin.files.share(name, guest.id)
    reading = dict.fromkeys(("retrieve", "data", "download", "link"), "yes")
    assert try_all() == reading | dict.fromkeys(("rename", "replace", "price", "share", "dry run"), "403")
    admin.files.share(name, guest.id, "write")
    writing = reading | {"rename": "yes", "replace": "yes"}
    assert try_all() == writing | dict.fromkeys(("price", "share", "dry run"), "403")
    link = second.assets.create_download_url(name)["download_url"]
    admin.files.share(name, guest.id, "admin")
    assert set(try_all().values()) == {"yes"}
    assert fetch(link) == CSV
    admin.assets.share(name, guest.id, "none")
    assert set(try_all().values()) == {"404"}
    assert httpx.get(link, trust_env=False).status_code == 404


def test_deleting(admin: Any) -> None:
    """A dry run changes nothing; a deleted file and the addresses of its bytes are gone."""
    import ouro

    file = admin.files.create("The tide", "private", file_content=CSV, file_name="tide.csv")
    url = admin.files.read_data(str(file.id)).url
    tried = admin.files.delete(str(file.id), dry_run=True)
    assert (str(tried.id), tried.asset_type, tried.dry_run) == (str(file.id), "file", True)
    assert fetch(url) == CSV
    assert not admin.files.delete(str(file.id)).dry_run
    with pytest.raises(ouro.NotFoundError):
        admin.files.retrieve(str(file.id))
    assert httpx.get(url, trust_env=False).status_code == 404


def test_nonsense_is_refused(admin: Any) -> None:
    """Ids that are none, or nobody's, and visibilities there are none of."""
    import ouro

    with pytest.raises(ouro.NotFoundError):
        admin.files.retrieve(str(uuid4()))
    with pytest.raises(ouro.BadRequestError):
        admin.files.retrieve("nothing")
    with pytest.raises(ouro.BadRequestError):
        admin.files.create("x", "secret", file_content=b"x", file_name="x")
    with pytest.raises(ouro.NotFoundError):
        admin.files.read_upload(f"files/{uuid4()}/x")
