"""Files and the log: every content is anchored with the file, whoever anchored the same bytes before."""

import asyncio
import hashlib
import os
from typing import Any
from uuid import UUID

import httpx

from anchors import anchor
from circle import Circle, Someone
from hallmarket.proof.bundle import Bundle
from hallmarket.server.blobs.delete_abandoned import delete_abandoned_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from hallmarket.server.files.upload import forget_uploads
from making_files import make_file, send
from stored import stored
from support import Server, wait_until

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


def total(circle: Circle, who: Someone) -> int:
    """How many media the organization lists, and counts."""
    with circle.server.client(who.member.key) as client:
        page = client.get("/v1/media", params={"limit": 100}).json()
    assert page["total"] == len(page["items"])
    return int(page["total"])


def test_a_file_is_anchored_and_proved(circle: Circle) -> None:
    """A file's fingerprint comes into the log with it, among the organization's media, and is proved to anybody."""
    before, content = total(circle, circle.boss), os.urandom(50)
    file = make_file(circle.boss, content, "secret plan.txt", visibility="private")
    bundle = prove(circle.server, file)
    assert bundle.claims is not None
    assert (bundle.claims.creator, bundle.claims.organization) == (circle.boss.id, circle.organization)
    assert hashlib.sha3_512(content).hexdigest().encode() in bundle.entry
    assert total(circle, circle.boss) == before + 1


def test_only_what_everybody_may_see_is_named_to_everybody(circle: Circle) -> None:
    """The name of a private file is told to nobody who only has the same bytes; that of a public one is."""
    team = circle.boss.create_team("open-sea", visibility="public")["id"]
    private = make_file(circle.boss, file_name="secret plan.txt", visibility="private")
    public = make_file(circle.boss, file_name="tide.txt", visibility="public", team_id=team)
    assert (look_up(circle.server, private)["name"], look_up(circle.server, public)["name"]) == (None, "tide.txt")


def test_bytes_in_the_log_already_make_a_file_all_the_same(circle: Circle) -> None:
    """Whoever anchored the fingerprint before, a file of these bytes is made, and the log has them once."""
    content, stranger = os.urandom(60), circle.stranger()
    digest = hashlib.sha3_512(content).hexdigest()
    with circle.server.client(stranger.member.key) as client:
        anchor(client, hash=digest, size=len(content))
    files = [make_file(who, content, visibility="private") for who in (circle.boss, stranger, circle.boss)]
    assert len({file["id"] for file in files}) == 3
    assert len(media_of(circle.server, digest)) == 1
    assert [str(prove(circle.server, file).claims.organization) for file in files] == [stranger.member.organization] * 3


def test_a_person_alone_anchors_in_no_organizations_name(circle: Circle) -> None:
    """A file in the personal context is proved with the zero UUID for an organization, and is in nobody's listing."""
    before = total(circle, circle.boss)
    free = circle.free(circle.boss)
    file = make_file(free, visibility="private")
    assert [row["organization_id"] for row in media_of(circle.server, file["metadata"]["sha3_512"])] == [None]
    claims = prove(circle.server, file).claims
    assert claims is not None
    assert (claims.creator, claims.organization) == (circle.boss.id, ALONE)
    assert total(circle, circle.boss) == before
    assert circle.server.query("select count(*) from media_count where organization_id is null")[0][0] == 0
    with circle.server.client(circle.boss.member.key) as client:
        taken = client.post("/v1/media/anchor", json={"hash": file["metadata"]["sha3_512"], "size": 99})
    assert (taken.status_code, taken.json()["details"]) == (409, None)


def test_other_content_is_anchored_too(circle: Circle) -> None:
    """New content of a file is proved like the first; the first stays proved."""
    file = make_file(circle.boss, os.urandom(20), visibility="private")
    sent = send(circle.boss, os.urandom(21))
    source = {"bucket": sent["bucket"], "path": sent["path"], "size": 5, "type": "made/up"}
    changed = circle.boss.ask("PUT", f"/files/{file['id']}", json={"file": {"metadata": source}})
    assert (changed["metadata"]["size"], changed["metadata"]["path"]) == (21, file["metadata"]["path"])
    assert prove(circle.server, changed).entry != prove(circle.server, file).entry


def delete_abandoned(server: Server) -> None:
    """What the background does every few minutes."""

    async def run() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await forget_uploads(database)
        await delete_abandoned_blobs(database, ObjectStore("", server.data / "blobs"))
        await database.close()

    asyncio.run(run())


def test_bytes_that_nothing_keeps_are_cleared_away(circle: Circle) -> None:
    """What was replaced, deleted, discarded or forgotten takes no space; what is a file's stays."""
    boss, server = circle.boss, circle.server
    kept, deleted, replaced = (make_file(boss, os.urandom(30), visibility="private") for _ in range(3))
    discarded, expired, waiting = (send(boss, os.urandom(31)) for _ in range(3))
    boss.ask("DELETE", f"/files/{deleted['id']}")
    body = {"file_name": "new", "file_base64": "bmV3"}
    new = boss.ask("PUT", f"/files/{replaced['id']}/content", json=body)
    boss.ask("DELETE", "/files/upload", json={"upload_id": discarded["upload_id"]})
    server.query("update upload set expires_on = now() - interval '1 second' where id = $1", expired["id"])
    boss.ask("POST", "/files/upload/complete", 404, json={"upload_id": expired["upload_id"]})
    delete_abandoned(server)
    there = stored(server).keys()
    digests = [thing.get("sha3_512") or thing["metadata"]["sha3_512"] for thing in (kept, new, waiting)]
    gone = [thing.get("sha3_512") or thing["metadata"]["sha3_512"] for thing in (deleted, replaced, discarded, expired)]
    assert set(digests) <= there
    assert not set(gone) & there
    prove(server, deleted)
