"""Thumbnails of uploads: made in the background, linked in every response, served to anyone."""

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
from previews.decoders import kill_decoders
from previews.samples import black_png, encode, noisy_image

CDN = "https://cdn.example.org/thumbs"
BRIEF, FOR_EVER = "public, max-age=5", "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose processes the tests may kill, with a CDN in front of its thumbnails."""
    with new_server(cdn_url=CDN + "/") as running:
        yield running


@pytest.fixture(scope="module")
def api(own: Server) -> Iterator[httpx.Client]:
    """An HTTP client of its first member."""
    with own.client() as client:
        yield client


def upload(api: httpx.Client, content: bytes, **fields: str) -> dict[str, Any]:
    """Upload content; returns the item."""
    response = api.post("/v1/media", files={"file": ("letter.txt", content)}, data=fields)
    assert response.status_code == 201, response.text
    item: dict[str, Any] = response.json()
    return item


def wait_until_settled(server: Server, item: dict[str, Any], timeout_s: float = 90) -> Any:
    """Wait until an item's thumbnail is made or rejected; returns its row."""
    query = (
        "select p.* from preview p join media m on m.blob_id = p.blob_id where m.id = $1::uuid and p.state <> 'waiting'"
    )
    return wait_until(lambda: server.query(query, item["id"]), timeout_s)[0]


def test_image_gets_a_thumbnail(own: Server, api: httpx.Client) -> None:
    """An image gets a thumbnail, whatever its name is: in the item, the list and the lookup."""
    item = upload(api, encode(noisy_image(1500, 1000), "JPEG"))
    assert item["thumbnail"] is None
    made = wait_until_settled(own, item)
    assert (made["state"], made["width"], made["height"], made["reason"]) == ("made", 512, 341, None)
    wait_for_status(api, item["id"], ANCHORED)
    address = api.get(f"/v1/media/{item['id']}").json()["thumbnail"]
    assert address.startswith(CDN + "/v1/public/thumbnails/")
    listed = {one["id"]: one["thumbnail"] for one in api.get("/v1/media").json()["items"]}
    assert listed[item["id"]] == address
    with own.client("") as anonymous:
        found = anonymous.get(f"/v1/public/media/{item['hash']}")
        assert (found.json()["thumbnail"], found.headers["cache-control"]) == (address, FOR_EVER)


def test_thumbnail_is_public_and_cacheable(own: Server, api: httpx.Client) -> None:
    """A thumbnail is served without a key, as an image only, and can be cached permanently."""
    made = wait_until_settled(own, upload(api, encode(noisy_image(600, 600), "PNG"), anchor="false"))
    path = f"/v1/public/thumbnails/{made['id']}"
    with own.client("") as anonymous:
        response = anonymous.get(path)
        assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
        assert Image.open(io.BytesIO(response.content)).size == (512, 512)
        assert response.headers["cache-control"] == FOR_EVER
        assert response.headers["x-content-type-options"] == "nosniff"
        again = anonymous.get(path, headers={"if-none-match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = anonymous.head(path)
        assert (head.content, head.headers["content-length"]) == (b"", str(len(response.content)))


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "..%2f..%2flog.key", "1"])
def test_no_such_thumbnail(own: Server, name: str) -> None:
    """An unknown thumbnail and a malformed name are both not found."""
    with own.client("") as anonymous:
        assert_media_error(anonymous.get(f"/v1/public/thumbnails/{name}"), 404, "NOT_FOUND")


def test_files_without_a_thumbnail(own: Server, api: httpx.Client) -> None:
    """A text or a broken image has no thumbnail; the reason is stored, and the lookup can be cached permanently."""
    for content, reason in (
        (b"Dear Sir or Madam", "not an image"),
        (encode(noisy_image(), "JPEG")[:9000], "cannot be read"),
        (black_png(50_000, 50_000, rows=10), "50000 by 50000 pixels"),
    ):
        item = upload(api, content)
        rejected = wait_until_settled(own, item)
        assert rejected["state"] == "none"
        assert reason in rejected["reason"]
        assert wait_for_status(api, item["id"], ANCHORED)["thumbnail"] is None
        found = api.get(f"/v1/public/media/{item['hash']}")
        assert (found.json()["thumbnail"], found.headers["cache-control"]) == (None, FOR_EVER)


def test_lookup_is_cacheable_once_the_thumbnail_is_settled(own: Server, api: httpx.Client) -> None:
    """A lookup is cached briefly while its thumbnail is waiting, and permanently afterwards, also after a restart."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    kill(background, signal.SIGSTOP)
    try:
        item = upload(api, encode(noisy_image(), "WEBP"))
        wait_for_status(api, item["id"], ANCHORED)
        before = api.get(f"/v1/public/media/{item['hash']}")
        assert (before.json()["thumbnail"], before.headers["cache-control"]) == (None, BRIEF)
    finally:
        kill(background, signal.SIGCONT)
    wait_until_settled(own, item)
    after = api.get(f"/v1/public/media/{item['hash']}")
    assert after.json()["thumbnail"].startswith(CDN)
    assert after.headers["cache-control"] == FOR_EVER
    assert after.headers["etag"] != before.headers["etag"]
    again = api.get(f"/v1/public/media/{item['hash']}")  # from the cache
    assert (again.content, again.headers["etag"]) == (after.content, after.headers["etag"])
    assert own.stop() == 0
    own.start()
    wait_until(lambda: own.log.read_text().count("look-up cache preloaded") == 2)
    assert api.get(f"/v1/public/media/{item['hash']}").content == after.content


def test_file_that_kills_decoders(own: Server, api: httpx.Client) -> None:
    """A file that kills every decoder gets a reason instead of a thumbnail, and the next file gets its thumbnail."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    with kill_decoders(background.pid):
        rejected = wait_until_settled(own, upload(api, black_png(15_001, 15_000)))
    assert rejected["state"] == "none"
    assert rejected["reason"] == "The decoder died while it read the file: SIGKILL."
    assert wait_until_settled(own, upload(api, encode(noisy_image(70, 50), "PNG")))["state"] == "made"
    assert_no_errors_logged(own)


def test_killed_background_process_resumes(own: Server, api: httpx.Client) -> None:
    """If the background process is killed while it makes a thumbnail, another one starts and makes it."""
    (background,) = wait_until(lambda: find_backgrounds(own))
    item = upload(api, black_png(15_002, 15_000))
    wait_until(lambda: own.query("select 1 from job where entrypoint = 'preview' and status = 'picked'"), every_s=0.005)
    kill(background)
    assert wait_until_settled(own, item)["state"] == "made"
    assert find_backgrounds(own)[0].pid != background.pid
    wait_until(lambda: not own.query("select 1 from job where entrypoint = 'preview'"))  # completed, not given up


def test_thumbnail_is_deleted_with_its_blob(own: Server, api: httpx.Client) -> None:
    """When a blob is released, its thumbnail is deleted with it, and the thumbnail's URL is 404."""
    made = wait_until_settled(own, upload(api, encode(noisy_image(80, 60), "PNG"), anchor="false"))
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


def test_urls_without_a_cdn(server: Server) -> None:
    """Without a CDN a thumbnail's URL is the server's, and works."""
    with server.client() as api:
        item = upload(api, encode(noisy_image(90, 70), "PNG"))
        wait_until_settled(server, item)
        address = api.get(f"/v1/media/{item['id']}").json()["thumbnail"]
        assert urlsplit(address).netloc == urlsplit(server.url).netloc
        assert api.get(address).headers["content-type"] == "image/webp"
