"""Purchased content: buyers keep the bytes, the parts and the access that they paid for."""

import base64
import os
import time
from collections.abc import Callable
from hashlib import sha3_512
from typing import Any
from uuid import uuid4

import pytest

from _support.concurrency import Call, run_overlapping
from _support.datasets import make_dataset
from _support.files import make_file, upload_bytes
from _support.organizations import Organization, User
from _support.purchases import FOR_SALE, buy, make_for_sale, request_refund
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.wallets import credit
from datasets.test_maintenance import run
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from posts.test_posts import write

SOLD, OTHER = b"as it was sold", b"something else"
USD = "/stripe/wallet/purchase-asset"


def inline(content: bytes, **fields: Any) -> dict[str, Any]:
    """Return the body of a request that replaces a file's bytes and changes its fields."""
    return {"file_name": "b.bin", "file_base64": base64.b64encode(content).decode(), "file": fields}


def replacements(seller: User, file: str) -> list[Call]:
    """Return both requests that replace a file's bytes, each with a new name."""
    uploaded = upload_bytes(seller, OTHER, "b.bin")
    upload = {"bucket": uploaded["bucket"], "path": uploaded["path"]}
    return [
        (seller, "PUT", f"/files/{file}/content", inline(OTHER, name="replaced")),
        (seller, "PUT", f"/files/{file}", {"file": {"name": "replaced", "metadata": upload}}),
    ]


def refuse(call: Call) -> str:
    """Send a request that must be refused with 409, and return the error message."""
    person, method, path, body = call
    return str(assert_exchange_error(person.client.request(method, path, json=body), 409, "conflict")["message"])


def send(call: Call) -> Any:
    """Send a request that must succeed, and return its data."""
    person, method, path, body = call
    return person.call(method, path, json=body)


def read(person: User, file: str) -> bytes:
    """Download a file's bytes."""
    response = person.client.post(f"/assets/{file}/download")
    assert response.status_code == 200, response.text
    return response.content


def list_unused_blobs(server: Server) -> set[Any]:
    """Return the blobs that were received but belong to nothing."""
    return {row["id"] for row in server.query("select id from blob where not kept and released_on is null")}


def test_a_sold_file_keeps_its_bytes(server: Server, org: Organization, seller: User, buyer: User) -> None:
    """A sold file keeps its bytes until every licence is refunded. A refused request changes and stores nothing."""
    file, other = make_for_sale(seller, SOLD, "a.bin"), org.new_outsider()
    licences = [buy(server, person, file) for person in (buyer, other)]
    before, unused = seller.call("GET", f"/files/{file}"), list_unused_blobs(server)
    by_body, by_upload = replacements(seller, file)
    for call in (by_body, by_upload):
        message = refuse(call)
        assert message.startswith("2 people bought it, so its content cannot be replaced: refund"), message
        assert message.endswith("or create another file with the new bytes.")
        assert seller.call("GET", f"/files/{file}") == before
        assert list_unused_blobs(server) == unused
    assert read(buyer, file) == SOLD
    assert buyer.call("GET", f"/licences/{licences[0]}")["sha3_512"] == sha3_512(SOLD).hexdigest()
    # The seller can still change the other fields, and use the refused bytes for a new file.
    seller.call("PUT", f"/files/{file}", json={"file": {"name": "renamed", "metadata": before["metadata"]}})
    upload_id = by_upload[3]["file"]["metadata"]["path"].split("/")[0]
    created = seller.call("POST", "/files/create", json={"file": {"id": upload_id, "name": "b"}})
    assert read(seller, created["id"]) == OTHER
    assert request_refund(seller, licences[0]).status_code == 200
    assert refuse(by_body).startswith("1 person bought it")
    assert request_refund(seller, licences[1]).status_code == 200
    assert send(by_body)["name"] == "replaced"
    assert read(seller, file) == OTHER


class Folder:
    """A post for sale that contains a file, a table, and another post with another file."""

    def __init__(self, seller: User) -> None:
        self.id = str(write(seller, **FOR_SALE)["id"])
        self.file = str(make_file(seller, SOLD, parent_id=self.id)["id"])
        self.table = str(make_dataset(seller, visibility="inherit", parent_id=self.id)["id"])
        self.chapter = str(write(seller, parent_id=self.id, visibility="inherit")["id"])
        self.nested_file = str(make_file(seller, SOLD, parent_id=self.chapter)["id"])

    @property
    def parts(self) -> dict[str, str]:
        """The nouns of the parts' paths by id, the deepest part first."""
        kinds = ("files", "files", "datasets", "posts")
        return dict(zip((self.nested_file, self.file, self.table, self.chapter), kinds, strict=True))


def test_parts_of_a_sold_post_stay(server: Server, seller: User, buyer: User) -> None:
    """A part at any depth of a sold post cannot be deleted, moved out, or given other bytes."""
    folder = Folder(seller)
    licence = buy(server, buyer, folder.id)
    reason = f"1 person bought the post {folder.id} that it is part of, so it"

    def attempts(part: str, kind: str) -> list[Call]:
        changes = [
            (seller, "PUT", f"/{kind}/{part}", {kind[:-1]: {"visibility": visibility, "price_usd": 5}})
            for visibility in ("private", "public", "monetized")
        ]
        deletions = [
            (seller, "DELETE", f"/{noun}/{part}?delete_children={children}&dry_run={dry}", None)
            for noun in (kind, "assets")
            for children in ("true", "false")
            for dry in ("true", "false")
        ]
        return [*changes, *deletions, *(replacements(seller, part) if kind == "files" else [])]

    before = {part: seller.call("GET", f"/assets/{part}") for part in folder.parts}
    for part, kind in folder.parts.items():
        for call in attempts(part, kind):
            assert refuse(call).startswith(reason), call
    assert {part: seller.call("GET", f"/assets/{part}") for part in folder.parts} == before
    assert read(buyer, folder.file) == read(buyer, folder.nested_file) == SOLD
    assert len(buyer.call("GET", f"/datasets/{folder.table}/data")) == 2
    elsewhere = {"parent_id": write(seller)["id"]}
    assert send((seller, "PUT", f"/files/{folder.file}", {"file": elsewhere}))["parent_id"] == folder.id
    # A text can be corrected, and added rows make another version.
    for post in (folder.id, folder.chapter):
        seller.call("PUT", f"/posts/{post}", json={"post": {"name": "Corrected"}, "content": "hello again"})
    seller.call("POST", f"/datasets/{folder.table}/data", json={"rows": [{"id": 3}]})
    assert request_refund(seller, licence).status_code == 200
    send(replacements(seller, folder.nested_file)[0])
    for part, kind in folder.parts.items():
        send((seller, "PUT", f"/{kind}/{part}", {kind[:-1]: {"visibility": "private"}}))
        send((seller, "DELETE", f"/{kind}/{part}", None))


def test_assets_that_are_no_parts_can_change(server: Server, seller: User, buyer: User) -> None:
    """Comments on a sold post, files in comments, and private files in the post can be changed and deleted."""
    folder = Folder(seller)
    buy(server, buyer, folder.id)
    comment = seller.call("POST", "/comments/create", json={"comment": {"parent_id": folder.id}, "content": "a"})["id"]
    reply = buyer.call("POST", "/comments/create", json={"comment": {"parent_id": comment}, "content": "b"})["id"]
    private = make_file(seller, SOLD, parent_id=folder.id, visibility="private")["id"]
    changed, orphaned, deleted = [make_file(seller, SOLD, parent_id=comment)["id"] for _ in range(3)]
    for file in (private, changed):
        for call in replacements(seller, file):
            assert send(call)["metadata"]["sha3_512"] == sha3_512(OTHER).hexdigest()
        send((seller, "PUT", f"/files/{file}", {"file": {"visibility": "public"}}))
    for asset in (private, deleted, reply, comment):
        send((seller, "DELETE", f"/assets/{asset}?dry_run=true", None))
        send((seller, "DELETE", f"/assets/{asset}", None))
    assert (seller.call("GET", f"/files/{orphaned}")["visibility"], read(seller, orphaned)) == ("private", SOLD)
    body = {"comment": {"parent_id": folder.file}, "content": "a"}
    other = seller.call("POST", "/comments/create", json=body)["id"]
    attached = make_file(seller, SOLD, parent_id=other)["id"]
    result = send((seller, "DELETE", f"/posts/{other}?delete_children=true", None))
    assert [child["id"] for child in result["deleted_children"]] == [attached]
    assert read(buyer, folder.file) == SOLD


def test_a_sold_post_does_not_inherit_its_visibility(server: Server, seller: User, buyer: User) -> None:
    """A sold post cannot inherit the visibility of its parent, because its buyers would lose access to its parts."""
    parent = write(seller)["id"]
    post = write(seller, parent_id=parent, **FOR_SALE)["id"]
    file = make_file(seller, SOLD, parent_id=post)["id"]
    licence = buy(server, buyer, post)
    call = (seller, "PUT", f"/posts/{post}", {"post": {"visibility": "inherit"}})
    assert refuse(call).startswith("1 person bought it, so it cannot inherit its visibility")
    send((seller, "PUT", f"/posts/{post}", {"post": {"visibility": "private"}}))
    assert read(buyer, file) == SOLD
    assert refuse((seller, "DELETE", f"/posts/{parent}?delete_children=true", None)).startswith(
        "1 person bought part of it"
    )
    send((seller, "DELETE", f"/posts/{parent}", None))  # the parent alone, without the sold post
    assert read(buyer, file) == SOLD
    assert refuse((seller, "DELETE", f"/files/{file}", None)).startswith(f"1 person bought the post {post}")
    assert request_refund(seller, licence).status_code == 200
    send((seller, "DELETE", f"/posts/{post}?delete_children=true", None))


@pytest.mark.parametrize("first", ["purchase", "change"])
@pytest.mark.parametrize("change", ["content", "visibility", "deletion"])
def test_a_part_changes_during_a_purchase(server: Server, seller: User, buyer: User, first: str, change: str) -> None:
    """If the purchase comes first, the change is refused; otherwise the buyer finds the changed part."""
    post = write(seller, **FOR_SALE)["id"]
    file = make_file(seller, SOLD, parent_id=post)["id"]
    credit(server, buyer.id, 1200)
    purchase: Call = (buyer, "POST", USD, {"assetType": "post", "assetId": post})
    changes: dict[str, Call] = {
        "content": (seller, "PUT", f"/files/{file}/content", inline(OTHER)),
        "visibility": (seller, "PUT", f"/files/{file}", {"file": {"visibility": "private"}}),
        "deletion": (seller, "DELETE", f"/files/{file}", None),
    }
    calls = [purchase, changes[change]] if first == "purchase" else [changes[change], purchase]
    statuses = run_overlapping(server, calls, f"select from asset where id = '{post}' for update")
    assert statuses == ([200, 409] if first == "purchase" else [200, 200])
    response = buyer.client.post(f"/assets/{file}/download")
    if first == "purchase":
        assert response.content == SOLD
    elif change == "content":
        assert response.content == OTHER
    else:
        assert response.status_code == 404


def test_a_sold_version_stays(server: Server, seller: User, buyer: User) -> None:
    """After the seller overwrites rows and drops a column, the sold version is still there, byte for byte."""
    rows = [{"id": 1, "mm": 3.5}, {"id": 2, "mm": None}]
    dataset = make_dataset(seller, rows, **FOR_SALE)["id"]
    path = f"/datasets/{dataset}"
    licence = buyer.call("GET", f"/licences/{buy(server, buyer, dataset)}")
    assert licence["version"] == 1
    seller.call("POST", f"{path}/data", json={"rows": [{"id": 9, "mm": 0.0}], "mode": "overwrite"})
    seller.call("DELETE", f"{path}/columns/mm")
    seller.call("POST", f"{path}/data", json={"rows": [], "mode": "overwrite"})
    seller.call("PUT", path, json={"dataset": {"visibility": "private"}})
    for file in (server.data / "tables" / dataset[-2:] / dataset.replace("-", "")).rglob("*"):
        os.utime(file, (time.time() - 90_000,) * 2)
    server.query("update dataset set swept_on = now() - interval '2 days' where asset_id = $1", dataset)
    run(server, delete_orphaned_files)
    manifest = buyer.client.get(f"{path}/versions/1/manifest")
    assert (sha3_512(manifest.content).hexdigest(), len(manifest.content)) == (licence["sha3_512"], licence["size"])
    for file in manifest.json()["files"]:
        content = buyer.client.get(f"{path}/versions/1/files/{file['name']}").content
        assert sha3_512(content).hexdigest() == file["sha3_512"]
    assert buyer.call("GET", f"{path}/data", params={"version": 1}) == rows
    body = {"query": "select id, mm from {{table}} order by id", "version": 1}
    assert buyer.call("POST", f"{path}/query-custom", json=body) == rows
    assert len(buyer.call("GET", f"{path}/data")) < len(rows)


def ban(org: Organization, shop: str, person: User) -> None:
    """Ban a person from the team, and remove their contributions."""
    body = {"user_id": person.id, "remove_contributions": True}
    org.admin.call("POST", f"/teams/{shop}/bans", json=body)


def remove_from_organization(org: Organization, _shop: str, person: User) -> None:
    """Remove a person from the organization."""
    org.admin.call("DELETE", f"/organizations/{org.id}/members/{person.id}")


def delete_team(org: Organization, shop: str, _person: User) -> None:
    """Delete the team."""
    org.admin.call("DELETE", f"/teams/{shop}")


def close_team(org: Organization, shop: str, _person: User) -> None:
    """Limit the team to the organization."""
    org.admin.call("PUT", f"/teams/{shop}", json={"team": {"visibility": "organization"}})


EVENTS: list[Callable[[Organization, str, User], None]] = [ban, remove_from_organization, delete_team, close_team]


@pytest.mark.parametrize("whose", ["seller", "buyer"])
@pytest.mark.parametrize("event", EVENTS, ids=[each.__name__ for each in EVENTS])
def test_changes_of_people_and_teams_take_nothing_from_buyers(
    server: Server, org: Organization, whose: str, event: Callable[[Organization, str, User], None]
) -> None:
    """After bans, removals, and deleted or closed teams, buyers still have their assets, all parts, and licences."""
    people = {"seller": org.new_user(), "buyer": org.new_user()}
    shop = str(org.admin.create_team(f"shop-{uuid4().hex}", visibility="public")["id"])
    for person in people.values():
        org.admin.call("POST", f"/teams/{shop}/members", json={"user_id": person.id, "role": "write"})
    seller, buyer = (org.with_unbound_key(person) for person in people.values())
    placement = {"org_id": org.id, "team_id": shop}
    file = make_for_sale(seller, SOLD, **placement)
    post = write(seller, **FOR_SALE, **placement)["id"]
    part = make_file(seller, SOLD, parent_id=post)["id"]
    for asset in (file, post):
        buy(server, buyer, asset)
    event(org, shop, people[whose])
    for asset in (file, part):
        assert read(buyer, asset) == SOLD
    assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
    found = buyer.call("GET", "/search/assets", params={"scope": "purchased"})
    assert {each["id"] for each in found} == {file, post}
    assert len(buyer.call("GET", "/licences")) == 2
