"""What people bought stays what they bought: its bytes, its parts, its place, whoever wants it otherwise."""

import base64
import os
import time
from collections.abc import Callable
from hashlib import sha3_512
from typing import Any
from uuid import uuid4

import pytest
from datasets.test_tidy import run

from _support.concurrency import Call, run_overlapping
from _support.datasets import make_dataset
from _support.files import make_file, upload_bytes
from _support.organizations import Organization, User
from _support.purchases import FOR_SALE, buy, make_for_sale, request_refund
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.wallets import credit
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from posts.test_posts import write

SOLD, OTHER = b"as it was sold", b"something else"
USD = "/stripe/wallet/purchase-asset"


def inline(content: bytes, **said: Any) -> dict[str, Any]:
    """The body that gives a file other bytes, and changes what is said of it."""
    return {"file_name": "b.bin", "file_base64": base64.b64encode(content).decode(), "file": said}


def replacements(seller: User, file: str) -> list[Call]:
    """Both ways to give a file other bytes, each with another name for it."""
    sent = upload_bytes(seller, OTHER, "b.bin")
    upload = {"bucket": sent["bucket"], "path": sent["path"]}
    return [
        (seller, "PUT", f"/files/{file}/content", inline(OTHER, name="anew")),
        (seller, "PUT", f"/files/{file}", {"file": {"name": "anew", "metadata": upload}}),
    ]


def refused(call: Call) -> str:
    """What somebody is told who may not do something as things stand."""
    who, method, path, body = call
    return str(assert_exchange_error(who.client.request(method, path, json=body), 409, "conflict")["message"])


def done(call: Call) -> Any:
    """What comes of what somebody may do."""
    who, method, path, body = call
    return who.call(method, path, json=body)


def read(who: User, file: str) -> bytes:
    """A file's bytes, as somebody gets them."""
    answer = who.client.post(f"/assets/{file}/download")
    assert answer.status_code == 200, answer.text
    return answer.content


def unkept(server: Server) -> set[Any]:
    """Bytes that came and that nothing came of."""
    return {row["id"] for row in server.query("select id from blob where not kept and released_on is null")}


def test_bytes_that_were_bought_stay(server: Server, org: Organization, seller: User, buyer: User) -> None:
    """A file that people bought keeps its bytes until all is refunded; what is refused changes and leaves nothing."""
    file, other = make_for_sale(seller, SOLD, "a.bin"), org.new_outsider()
    licences = [buy(server, who, file) for who in (buyer, other)]
    before, waiting = seller.call("GET", f"/files/{file}"), unkept(server)
    by_body, by_upload = replacements(seller, file)
    for call in (by_body, by_upload):
        message = refused(call)
        assert message.startswith("2 people bought it, so its content cannot be replaced: refund"), message
        assert message.endswith("or make a file of its own of the new bytes.")
        assert seller.call("GET", f"/files/{file}") == before
        assert unkept(server) == waiting
    assert read(buyer, file) == SOLD
    assert buyer.call("GET", f"/licences/{licences[0]}")["sha3_512"] == sha3_512(SOLD).hexdigest()
    # What else is said of it is the seller's to say, and the bytes that were not taken make a file of their own.
    seller.call("PUT", f"/files/{file}", json={"file": {"name": "renamed", "metadata": before["metadata"]}})
    upload_id = by_upload[3]["file"]["metadata"]["path"].split("/")[0]
    made = seller.call("POST", "/files/create", json={"file": {"id": upload_id, "name": "b"}})
    assert read(seller, made["id"]) == OTHER
    assert request_refund(seller, licences[0]).status_code == 200
    assert refused(by_body).startswith("1 person bought it")
    assert request_refund(seller, licences[1]).status_code == 200
    assert done(by_body)["name"] == "anew"
    assert read(seller, file) == OTHER


class Folder:
    """A post for sale with a file, a table, and a post in it that holds another file."""

    def __init__(self, seller: User) -> None:
        self.id = str(write(seller, **FOR_SALE)["id"])
        self.file = str(make_file(seller, SOLD, parent_id=self.id)["id"])
        self.table = str(make_dataset(seller, visibility="inherit", parent_id=self.id)["id"])
        self.chapter = str(write(seller, parent_id=self.id, visibility="inherit")["id"])
        self.within = str(make_file(seller, SOLD, parent_id=self.chapter)["id"])

    @property
    def parts(self) -> dict[str, str]:
        """Kinds by ids, the deepest first."""
        kinds = ("files", "files", "datasets", "posts")
        return dict(zip((self.within, self.file, self.table, self.chapter), kinds, strict=True))


def test_parts_of_what_was_bought_stay(server: Server, seller: User, buyer: User) -> None:
    """What inherits from a sold post, however deep, is neither deleted nor taken out nor given other bytes."""
    folder = Folder(seller)
    licence = buy(server, buyer, folder.id)
    why = f"1 person bought the post {folder.id} that it is part of, so it"

    def attempts(part: str, kind: str) -> list[Call]:
        place = [
            (seller, "PUT", f"/{kind}/{part}", {kind[:-1]: {"visibility": visibility, "price_usd": 5}})
            for visibility in ("private", "public", "monetized")
        ]
        ways = [
            (seller, "DELETE", f"/{noun}/{part}?delete_children={children}&dry_run={dry}", None)
            for noun in (kind, "assets")
            for children in ("true", "false")
            for dry in ("true", "false")
        ]
        return [*place, *ways, *(replacements(seller, part) if kind == "files" else [])]

    before = {part: seller.call("GET", f"/assets/{part}") for part in folder.parts}
    for part, kind in folder.parts.items():
        for call in attempts(part, kind):
            assert refused(call).startswith(why), call
    assert {part: seller.call("GET", f"/assets/{part}") for part in folder.parts} == before
    assert read(buyer, folder.file) == read(buyer, folder.within) == SOLD
    assert len(buyer.call("GET", f"/datasets/{folder.table}/data")) == 2
    elsewhere = {"parent_id": write(seller)["id"]}
    assert done((seller, "PUT", f"/files/{folder.file}", {"file": elsewhere}))["parent_id"] == folder.id
    # Newsrooms correct what they wrote, and rows that are added are a version more.
    for post in (folder.id, folder.chapter):
        seller.call("PUT", f"/posts/{post}", json={"post": {"name": "Corrected"}, "content": "hello again"})
    seller.call("POST", f"/datasets/{folder.table}/data", json={"rows": [{"id": 3}]})
    assert request_refund(seller, licence).status_code == 200
    done(replacements(seller, folder.within)[0])
    for part, kind in folder.parts.items():
        done((seller, "PUT", f"/{kind}/{part}", {kind[:-1]: {"visibility": "private"}}))
        done((seller, "DELETE", f"/{kind}/{part}", None))


def test_what_is_no_part_is_its_owners(server: Server, seller: User, buyer: User) -> None:
    """What was said of a sold post, what stands in that, and what stands in the post for itself, come and go."""
    folder = Folder(seller)
    buy(server, buyer, folder.id)
    comment = seller.call("POST", "/comments/create", json={"comment": {"parent_id": folder.id}, "content": "a"})["id"]
    reply = buyer.call("POST", "/comments/create", json={"comment": {"parent_id": comment}, "content": "b"})["id"]
    own = make_file(seller, SOLD, parent_id=folder.id, visibility="private")["id"]
    moved, stays, gone = [make_file(seller, SOLD, parent_id=comment)["id"] for _ in range(3)]
    for file in (own, moved):
        for call in replacements(seller, file):
            assert done(call)["metadata"]["sha3_512"] == sha3_512(OTHER).hexdigest()
        done((seller, "PUT", f"/files/{file}", {"file": {"visibility": "public"}}))
    for asset in (own, gone, reply, comment):
        done((seller, "DELETE", f"/assets/{asset}?dry_run=true", None))
        done((seller, "DELETE", f"/assets/{asset}", None))
    assert (seller.call("GET", f"/files/{stays}")["visibility"], read(seller, stays)) == ("private", SOLD)
    again = seller.call("POST", "/comments/create", json={"comment": {"parent_id": folder.file}, "content": "a"})["id"]
    within = make_file(seller, SOLD, parent_id=again)["id"]
    gone_too = done((seller, "DELETE", f"/posts/{again}?delete_children=true", None))
    assert [child["id"] for child in gone_too["deleted_children"]] == [within]
    assert read(buyer, folder.file) == SOLD


def test_what_was_bought_keeps_its_own_visibility(server: Server, seller: User, buyer: User) -> None:
    """A sold post does not come to inherit from what it stands in: its parts would be out of its buyers' reach."""
    around = write(seller)["id"]
    post = write(seller, parent_id=around, **FOR_SALE)["id"]
    file = make_file(seller, SOLD, parent_id=post)["id"]
    licence = buy(server, buyer, post)
    call = (seller, "PUT", f"/posts/{post}", {"post": {"visibility": "inherit"}})
    assert refused(call).startswith("1 person bought it, so it cannot inherit its visibility")
    done((seller, "PUT", f"/posts/{post}", {"post": {"visibility": "private"}}))
    assert read(buyer, file) == SOLD
    assert refused((seller, "DELETE", f"/posts/{around}?delete_children=true", None)).startswith(
        "1 person bought part of it"
    )
    done((seller, "DELETE", f"/posts/{around}", None))  # around what was bought, not what was bought
    assert read(buyer, file) == SOLD
    assert refused((seller, "DELETE", f"/files/{file}", None)).startswith(f"1 person bought the post {post}")
    assert request_refund(seller, licence).status_code == 200
    done((seller, "DELETE", f"/posts/{post}?delete_children=true", None))


@pytest.mark.parametrize("first", ["purchase", "change"])
@pytest.mark.parametrize("change", ["content", "visibility", "deletion"])
def test_a_part_changes_meanwhile(server: Server, seller: User, buyer: User, first: str, change: str) -> None:
    """Whoever comes first: what was bought is whole and stays so, or the buyer finds it as it was changed."""
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
    told = run_overlapping(server, calls, f"select from asset where id = '{post}' for update")
    assert told == ([200, 409] if first == "purchase" else [200, 200])
    answer = buyer.client.post(f"/assets/{file}/download")
    if first == "purchase":
        assert answer.content == SOLD
    elif change == "content":
        assert answer.content == OTHER
    else:
        assert answer.status_code == 404


def test_the_version_that_was_bought_stays(server: Server, seller: User, buyer: User) -> None:
    """A seller who overwrites rows and drops a column takes nothing: the version sold is there to the byte."""
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
    asked = {"query": "select id, mm from {{table}} order by id", "version": 1}
    assert buyer.call("POST", f"{path}/query-custom", json=asked) == rows
    assert len(buyer.call("GET", f"{path}/data")) < len(rows)


def ban(org: Organization, shop: str, person: User) -> None:
    """Put somebody out of a team, and what they put into it with them."""
    body = {"user_id": person.id, "remove_contributions": True}
    org.admin.call("POST", f"/teams/{shop}/bans", json=body)


def put_out(org: Organization, _shop: str, person: User) -> None:
    """Put somebody out of the organization."""
    org.admin.call("DELETE", f"/organizations/{org.id}/members/{person.id}")


def delete_shop(org: Organization, shop: str, _person: User) -> None:
    """Delete the team."""
    org.admin.call("DELETE", f"/teams/{shop}")


def turn_inward(org: Organization, shop: str, _person: User) -> None:
    """Close the team to everybody outside."""
    org.admin.call("PUT", f"/teams/{shop}", json={"team": {"visibility": "organization"}})


EVENTS: list[Callable[[Organization, str, User], None]] = [ban, put_out, delete_shop, turn_inward]


@pytest.mark.parametrize("whose", ["seller", "buyer"])
@pytest.mark.parametrize("happens", EVENTS, ids=[each.__name__ for each in EVENTS])
def test_what_becomes_of_people_and_teams_takes_nothing(
    server: Server, org: Organization, whose: str, happens: Callable[[Organization, str, User], None]
) -> None:
    """Bans, dismissals and teams that go or close leave buyers what they bought, all its parts, and its terms."""
    people = {"seller": org.new_user(), "buyer": org.new_user()}
    shop = str(org.admin.create_team(f"shop-{uuid4().hex}", visibility="public")["id"])
    for person in people.values():
        org.admin.call("POST", f"/teams/{shop}/members", json={"user_id": person.id, "role": "write"})
    seller, buyer = (org.with_unbound_key(person) for person in people.values())
    place = {"org_id": org.id, "team_id": shop}
    file = make_for_sale(seller, SOLD, **place)
    post = write(seller, **FOR_SALE, **place)["id"]
    part = make_file(seller, SOLD, parent_id=post)["id"]
    for asset in (file, post):
        buy(server, buyer, asset)
    happens(org, shop, people[whose])
    for asset in (file, part):
        assert read(buyer, asset) == SOLD
    assert buyer.call("GET", f"/posts/{post}")["content"]["text"] == "hello"
    found = buyer.call("GET", "/search/assets", params={"scope": "purchased"})
    assert {each["id"] for each in found} == {file, post}
    assert len(buyer.call("GET", "/licences")) == 2
