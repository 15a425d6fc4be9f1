"""Files and the log: every content is anchored with the file, whoever anchored the same bytes before."""

import asyncio
import hashlib
import os
from typing import Any
from uuid import UUID

import httpx

from _support.anchoring import anchor
from _support.files import make_file, upload_bytes
from _support.organizations import Organization, User
from _support.servers import Server
from _support.stored_objects import find_stored_objects
from _support.waiting import wait_until
from hallmarket.proof.bundle import Bundle
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from hallmarket.server.files.delete_abandoned import delete_abandoned_uploads

ALONE = str(UUID(int=0))


def prove(server: Server, file: Any) -> Bundle:
    """The proof of a file's bytes, at the address that its metadata gives."""
    url = server.url + file["metadata"]["proof"]
    answer = wait_until(lambda: found if (found := httpx.get(url, trust_env=False)).status_code == 200 else None)
    return Bundle.parse(answer.content)


def look_up(server: Server, file: Any) -> Any:
    """What anybody may know who has the bytes."""
    prove(server, file)
    return httpx.get(f"{server.url}/v1/public/media/{file['metadata']['sha3_512']}", trust_env=False).json()


def media_of(server: Server, digest: str) -> list[Any]:
    """The items that stand for a fingerprint."""
    return server.query("select organization_id, status from media where hash = $1", bytes.fromhex(digest))


def total(org: Organization, who: User) -> int:
    """How many media the organization lists, and counts."""
    with org.server.client(who.member.key) as client:
        page = client.get("/v1/media", params={"limit": 100}).json()
    assert page["total"] == len(page["items"])
    return int(page["total"])


def test_a_file_is_anchored_and_proved(org: Organization) -> None:
    """A file's fingerprint comes into the log with it, among the organization's media, and is proved to anybody."""
    before, content = total(org, org.admin), os.urandom(50)
    file = make_file(org.admin, content, "secret plan.txt", visibility="private")
    bundle = prove(org.server, file)
    assert bundle.claims is not None
    assert (bundle.claims.creator, bundle.claims.organization) == (org.admin.id, org.id)
    assert hashlib.sha3_512(content).hexdigest().encode() in bundle.entry
    assert total(org, org.admin) == before + 1


def test_only_what_everybody_may_see_is_named_to_everybody(org: Organization) -> None:
    """The name of a private file is told to nobody who only has the same bytes; that of a public one is."""
    team = org.admin.create_team("open-sea", visibility="public")["id"]
    private = make_file(org.admin, file_name="secret plan.txt", visibility="private")
    public = make_file(org.admin, file_name="tide.txt", visibility="public", team_id=team)
    assert (look_up(org.server, private)["name"], look_up(org.server, public)["name"]) == (None, "tide.txt")


def test_bytes_in_the_log_already_make_a_file_all_the_same(org: Organization) -> None:
    """Whoever anchored the fingerprint before, a file of these bytes is made, and the log has them once."""
    content, outsider = os.urandom(60), org.new_outsider()
    digest = hashlib.sha3_512(content).hexdigest()
    with org.server.client(outsider.member.key) as client:
        anchor(client, hash=digest, size=len(content))
    files = [make_file(who, content, visibility="private") for who in (org.admin, outsider, org.admin)]
    assert len({file["id"] for file in files}) == 3
    assert len(media_of(org.server, digest)) == 1
    assert [str(prove(org.server, file).claims.organization) for file in files] == [outsider.member.organization] * 3


def test_a_person_alone_anchors_in_no_organizations_name(org: Organization) -> None:
    """A file in the personal context is proved with the zero UUID for an organization, and is in nobody's listing."""
    before = total(org, org.admin)
    free = org.with_unbound_key(org.admin)
    file = make_file(free, visibility="private")
    assert [row["organization_id"] for row in media_of(org.server, file["metadata"]["sha3_512"])] == [None]
    claims = prove(org.server, file).claims
    assert claims is not None
    assert (claims.creator, claims.organization) == (org.admin.id, ALONE)
    assert total(org, org.admin) == before
    assert org.server.query("select count(*) from media_count where organization_id is null")[0][0] == 0
    with org.server.client(org.admin.member.key) as client:
        taken = client.post("/v1/media/anchor", json={"hash": file["metadata"]["sha3_512"], "size": 99})
    assert (taken.status_code, taken.json()["details"]) == (409, None)


def test_other_content_is_anchored_too(org: Organization) -> None:
    """New content of a file is proved like the first; the first stays proved."""
    file = make_file(org.admin, os.urandom(20), visibility="private")
    sent = upload_bytes(org.admin, os.urandom(21))
    source = {"bucket": sent["bucket"], "path": sent["path"], "size": 5, "type": "made/up"}
    changed = org.admin.call("PUT", f"/files/{file['id']}", json={"file": {"metadata": source}})
    assert (changed["metadata"]["size"], changed["metadata"]["path"]) == (21, file["metadata"]["path"])
    assert prove(org.server, changed).entry != prove(org.server, file).entry


def delete_abandoned(server: Server) -> None:
    """What the background does every few minutes."""

    async def run() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await delete_abandoned_uploads(database)
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
        await database.close()

    asyncio.run(run())


def test_bytes_that_nothing_keeps_are_cleared_away(org: Organization) -> None:
    """What was replaced, deleted, discarded or forgotten takes no space; what is a file's stays."""
    admin, server = org.admin, org.server
    kept, deleted, replaced = (make_file(admin, os.urandom(30), visibility="private") for _ in range(3))
    discarded, expired, waiting = (upload_bytes(admin, os.urandom(31)) for _ in range(3))
    admin.call("DELETE", f"/files/{deleted['id']}")
    body = {"file_name": "new", "file_base64": "bmV3"}
    new = admin.call("PUT", f"/files/{replaced['id']}/content", json=body)
    admin.call("DELETE", "/files/upload", json={"upload_id": discarded["upload_id"]})
    server.query("update upload set expires_on = now() - interval '1 second' where id = $1", expired["id"])
    admin.call("POST", "/files/upload/complete", 404, json={"upload_id": expired["upload_id"]})
    delete_abandoned(server)
    there = find_stored_objects(server).keys()
    digests = [thing.get("sha3_512") or thing["metadata"]["sha3_512"] for thing in (kept, new, waiting)]
    gone = [thing.get("sha3_512") or thing["metadata"]["sha3_512"] for thing in (deleted, replaced, discarded, expired)]
    assert set(digests) <= there
    assert not set(gone) & there
    prove(server, deleted)
