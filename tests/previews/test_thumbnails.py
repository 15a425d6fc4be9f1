"""Thumbnails of what was uploaded: made in the background, told in every answer, served to anybody."""

import asyncio
import io
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from _support.anchoring import ANCHORED, wait_for_status
from _support.processes import find_backgrounds, kill
from _support.responses import assert_media_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server, new_server
from _support.waiting import wait_until
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from previews.processes import killing_decoders
from previews.samples import encode, flat_png, grainy

CDN = "https://cdn.example.org/thumbs"
BRIEF, FOR_EVER = "public, max-age=5", "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose processes may be killed, with a CDN in front of its thumbnails."""
    with new_server(cdn_url=CDN + "/") as running:
        yield running


@pytest.fixture(scope="module")
def api(own: Server) -> Iterator[httpx.Client]:
    """An HTTP client of its first member."""
    with own.client() as client:
        yield client


def upload(api: httpx.Client, content: bytes, **fields: str) -> dict[str, Any]:
    """The item that an upload made."""
    response = api.post("/v1/media", files={"file": ("letter.txt", content)}, data=fields)
    assert response.status_code == 201, response.text
    item: dict[str, Any] = response.json()
    return item


def settled(server: Server, item: dict[str, Any], timeout_s: float = 90) -> Any:
    """What became of an item's thumbnail, once that is known."""
    query = (
        "select p.* from preview p join media m on m.blob_id = p.blob_id where m.id = $1::uuid and p.state <> 'waiting'"
    )
    return wait_until(lambda: server.query(query, item["id"]), timeout_s)[0]


def test_a_picture_gets_its_thumbnail(own: Server, api: httpx.Client) -> None:
    """What is a picture by its bytes gets a thumbnail, whatever its name: in the item, the list and the look-up."""
    item = upload(api, encode(grainy(1500, 1000), "JPEG"))
    assert item["thumbnail"] is None
    made = settled(own, item)
    assert (made["state"], made["width"], made["height"], made["reason"]) == ("made", 512, 341, None)
    wait_for_status(api, item["id"], ANCHORED)
    address = api.get(f"/v1/media/{item['id']}").json()["thumbnail"]
    assert address.startswith(CDN + "/v1/public/thumbnails/")
    listed = {one["id"]: one["thumbnail"] for one in api.get("/v1/media").json()["items"]}
    assert listed[item["id"]] == address
    with own.client("") as anybody:
        found = anybody.get(f"/v1/public/media/{item['hash']}")
        assert (found.json()["thumbnail"], found.headers["cache-control"]) == (address, FOR_EVER)


def test_a_thumbnail_is_served_to_anybody_for_good(own: Server, api: httpx.Client) -> None:
    """A thumbnail comes without a key, as a picture and nothing else, and need not come twice."""
    made = settled(own, upload(api, encode(grainy(600, 600), "PNG"), anchor="false"))
    path = f"/v1/public/thumbnails/{made['id']}"
    with own.client("") as anybody:
        response = anybody.get(path)
        assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
        assert Image.open(io.BytesIO(response.content)).size == (512, 512)
        assert response.headers["cache-control"] == FOR_EVER
        assert response.headers["x-content-type-options"] == "nosniff"
        again = anybody.get(path, headers={"if-none-match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = anybody.head(path)
        assert (head.content, head.headers["content-length"]) == (b"", str(len(response.content)))


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "..%2f..%2flog.key", "1"])
def test_no_such_thumbnail(own: Server, name: str) -> None:
    """An unknown thumbnail and a malformed name are both not found."""
    with own.client("") as anybody:
        assert_media_error(anybody.get(f"/v1/public/thumbnails/{name}"), 404, "NOT_FOUND")


def test_what_is_no_picture_has_none_and_a_reason(own: Server, api: httpx.Client) -> None:
    """A text has no thumbnail, a broken picture neither; the reasons are kept, and their look-ups are final."""
    for content, reason in (
        (b"Dear Sir or Madam", "no picture"),
        (encode(grainy(), "JPEG")[:9000], "cannot be read"),
        (flat_png(50_000, 50_000, rows=10), "50000 by 50000 pixels"),
    ):
        item = upload(api, content)
        refused = settled(own, item)
        assert refused["state"] == "none"
        assert reason in refused["reason"]
        assert wait_for_status(api, item["id"], ANCHORED)["thumbnail"] is None
        found = api.get(f"/v1/public/media/{item['hash']}")
        assert (found.json()["thumbnail"], found.headers["cache-control"]) == (None, FOR_EVER)


def test_a_look_up_is_final_only_when_the_thumbnail_is(own: Server, api: httpx.Client) -> None:
    """While a thumbnail is waited for nobody keeps the answer; then it is there, also after a restart."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    kill(background, signal.SIGSTOP)
    try:
        item = upload(api, encode(grainy(), "WEBP"))
        wait_for_status(api, item["id"], ANCHORED)
        before = api.get(f"/v1/public/media/{item['hash']}")
        assert (before.json()["thumbnail"], before.headers["cache-control"]) == (None, BRIEF)
    finally:
        kill(background, signal.SIGCONT)
    settled(own, item)
    after = api.get(f"/v1/public/media/{item['hash']}")
    assert after.json()["thumbnail"].startswith(CDN)
    assert after.headers["cache-control"] == FOR_EVER
    assert after.headers["etag"] != before.headers["etag"]
    again = api.get(f"/v1/public/media/{item['hash']}")  # from memory
    assert (again.content, again.headers["etag"]) == (after.content, after.headers["etag"])
    assert own.stop() == 0
    own.start()
    wait_until(lambda: own.log.read_text().count("look-ups remembered") == 2)
    assert api.get(f"/v1/public/media/{item['hash']}").content == after.content


def test_a_deadly_file_is_survived(own: Server, api: httpx.Client) -> None:
    """A file of which every decoder dies has a reason for its thumbnail's absence, and the next file gets its own."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    with killing_decoders(background.pid):
        refused = settled(own, upload(api, flat_png(15_001, 15_000)))
    assert refused["state"] == "none"
    assert refused["reason"] == "The decoder died of it: SIGKILL."
    assert settled(own, upload(api, encode(grainy(70, 50), "PNG")))["state"] == "made"
    assert_no_errors_logged(own)


def test_a_killed_background_process_comes_back_to_its_work(own: Server, api: httpx.Client) -> None:
    """kill -9 of the background process in the middle of a picture: another is started, and makes the thumbnail."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    item = upload(api, flat_png(15_002, 15_000))
    wait_until(lambda: own.query("select 1 from job where entrypoint = 'preview' and status = 'picked'"), every_s=0.005)
    kill(background)
    assert settled(own, item)["state"] == "made"
    assert find_backgrounds(own)[0].pid != background.pid
    wait_until(lambda: not own.query("select 1 from job where entrypoint = 'preview'"))  # done, and not given up


def test_a_thumbnail_goes_with_what_it_shows(own: Server, api: httpx.Client) -> None:
    """Once the bytes are let go of, their thumbnail is cleared away with them, and its address opens nothing."""
    made = settled(own, upload(api, encode(grainy(80, 60), "PNG"), anchor="false"))
    thumbnail, shown = made["thumbnail_id"], made["blob_id"]
    assert _object(own, thumbnail)
    own.query("update media set blob_id = null where blob_id = $1", shown)
    own.query("update blob set kept = false, released_on = now() where id = $1", shown)
    asyncio.run(_delete_abandoned(own))
    assert not _object(own, shown)
    assert not _object(own, thumbnail)
    assert api.get(f"/v1/public/thumbnails/{made['id']}").status_code == 404


def _object(server: Server, blob_id: Any) -> bool:
    return (server.data / "blobs" / blob_id.hex[-2:] / blob_id.hex).exists()


async def _delete_abandoned(server: Server) -> None:
    database = Database(server.postgres_url, 1)
    await database.open()
    try:
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
    finally:
        await database.close()


def test_addresses_are_the_servers_own_without_a_cdn(server: Server) -> None:
    """Without a CDN a thumbnail's address is the server's, and opens."""
    with server.client() as api:
        item = upload(api, encode(grainy(90, 70), "PNG"))
        settled(server, item)
        address = api.get(f"/v1/media/{item['id']}").json()["thumbnail"]
        assert urlsplit(address).netloc == urlsplit(server.url).netloc
        assert api.get(address).headers["content-type"] == "image/webp"
