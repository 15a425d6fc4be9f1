"""Anchoring of files: every content is anchored, even if another person anchored the same bytes before."""

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

ZERO_ID = str(UUID(int=0))


def prove(server: Server, file: Any) -> Bundle:
    """Return the proof of a file's bytes, from the URL in its metadata."""
    url = server.url + file["metadata"]["proof"]
    response = wait_until(lambda: found if (found := httpx.get(url, trust_env=False)).status_code == 200 else None)
    return Bundle.parse(response.content)


def look_up(server: Server, file: Any) -> Any:
    """Return what anyone who has the bytes can look up."""
    prove(server, file)
    return httpx.get(f"{server.url}/v1/public/media/{file['metadata']['sha3_512']}", trust_env=False).json()


def media_of(server: Server, digest: str) -> list[Any]:
    """Return the media with a hash."""
    return server.query("select organization_id, status from media where hash = $1", bytes.fromhex(digest))


def count_media(org: Organization, who: User) -> int:
    """Return the number of media in the organization's list, and check its total."""
    with org.server.client(who.member.key) as client:
        page = client.get("/v1/media", params={"limit": 100}).json()
    assert page["total"] == len(page["items"])
    return int(page["total"])


def test_a_file_is_anchored_and_proved(org: Organization) -> None:
    """A file's hash is anchored as one of the organization's media, and anyone can verify its proof."""
    before, content = count_media(org, org.admin), os.urandom(50)
    file = make_file(org.admin, content, "secret plan.txt", visibility="private")
    bundle = prove(org.server, file)
    assert bundle.claims is not None
    assert (bundle.claims.creator, bundle.claims.organization) == (org.admin.id, org.id)
    assert hashlib.sha3_512(content).hexdigest().encode() in bundle.entry
    assert count_media(org, org.admin) == before + 1


def test_only_public_files_are_registered_by_name(org: Organization) -> None:
    """A lookup by the same bytes returns the name of a public file, but not of a private one."""
    team = org.admin.create_team("open-sea", visibility="public")["id"]
    private = make_file(org.admin, file_name="secret plan.txt", visibility="private")
    public = make_file(org.admin, file_name="tide.txt", visibility="public", team_id=team)
    assert (look_up(org.server, private)["name"], look_up(org.server, public)["name"]) == (None, "tide.txt")


def test_bytes_that_are_already_anchored_can_become_files(org: Organization) -> None:
    """Files of bytes that are anchored already are created, and the log has the hash once."""
    content, outsider = os.urandom(60), org.new_outsider()
    digest = hashlib.sha3_512(content).hexdigest()
    with org.server.client(outsider.member.key) as client:
        anchor(client, hash=digest, size=len(content))
    files = [make_file(who, content, visibility="private") for who in (org.admin, outsider, org.admin)]
    assert len({file["id"] for file in files}) == 3
    assert len(media_of(org.server, digest)) == 1
    assert [str(prove(org.server, file).claims.organization) for file in files] == [outsider.member.organization] * 3


def test_a_file_in_the_personal_context_belongs_to_no_organization(org: Organization) -> None:
    """The proof of a file in the personal context has the zero UUID as organization, and no list has the file."""
    before = count_media(org, org.admin)
    free = org.with_unbound_key(org.admin)
    file = make_file(free, visibility="private")
    assert [row["organization_id"] for row in media_of(org.server, file["metadata"]["sha3_512"])] == [None]
    claims = prove(org.server, file).claims
    assert claims is not None
    assert (claims.creator, claims.organization) == (org.admin.id, ZERO_ID)
    assert count_media(org, org.admin) == before
    assert org.server.query("select count(*) from media_count where organization_id is null")[0][0] == 0
    with org.server.client(org.admin.member.key) as client:
        taken = client.post("/v1/media/anchor", json={"hash": file["metadata"]["sha3_512"], "size": 99})
    assert (taken.status_code, taken.json()["details"]) == (409, None)


def test_new_content_is_anchored(org: Organization) -> None:
    """The new content of a file is anchored, and the old content stays anchored."""
    file = make_file(org.admin, os.urandom(20), visibility="private")
    sent = upload_bytes(org.admin, os.urandom(21))
    source = {"bucket": sent["bucket"], "path": sent["path"], "size": 5, "type": "made/up"}
    changed = org.admin.call("PUT", f"/files/{file['id']}", json={"file": {"metadata": source}})
    assert (changed["metadata"]["size"], changed["metadata"]["path"]) == (21, file["metadata"]["path"])
    assert prove(org.server, changed).entry != prove(org.server, file).entry


def delete_abandoned(server: Server) -> None:
    """Delete abandoned uploads and unused blobs, as the background process does every ten minutes."""

    async def run() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await delete_abandoned_uploads(database)
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
        await database.close()

    asyncio.run(run())


def test_unused_bytes_are_deleted(org: Organization) -> None:
    """Bytes of replaced, deleted, discarded and expired content are deleted; those of files and uploads stay."""
    admin, server = org.admin, org.server
    current, deleted, replaced = (make_file(admin, os.urandom(30), visibility="private") for _ in range(3))
    discarded, expired, waiting = (upload_bytes(admin, os.urandom(31)) for _ in range(3))
    admin.call("DELETE", f"/files/{deleted['id']}")
    body = {"file_name": "new", "file_base64": "bmV3"}
    new = admin.call("PUT", f"/files/{replaced['id']}/content", json=body)
    admin.call("DELETE", "/files/upload", json={"upload_id": discarded["upload_id"]})
    server.query("update upload set expires_on = now() - interval '1 second' where id = $1", expired["id"])
    admin.call("POST", "/files/upload/complete", 404, json={"upload_id": expired["upload_id"]})
    delete_abandoned(server)
    stored = find_stored_objects(server).keys()
    assert {digest_of(item) for item in (current, new, waiting)} <= stored
    assert not {digest_of(item) for item in (deleted, replaced, discarded, expired)} & stored
    prove(server, deleted)


def digest_of(item: Any) -> str:
    """Return the SHA3-512 of a file or an upload."""
    return str(item.get("sha3_512") or item["metadata"]["sha3_512"])
