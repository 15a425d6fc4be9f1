"""A file's preview: the thumbnail of its content, for its readers."""

import asyncio
import base64
import io
from typing import Any

import httpx
from PIL import Image

from _support.files import make_file
from _support.organizations import Organization
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from previews.samples import encode, noisy_image


def preview_of(org: Organization, file: dict[str, Any]) -> Any:
    """Return a file's preview once it exists."""
    return wait_until(lambda: org.admin.call("GET", f"/files/{file['id']}")["preview"])


def test_an_image_gets_a_preview(org: Organization) -> None:
    """An image gets its thumbnail as preview, which can be downloaded. People who may not read the file get 404."""
    file = make_file(org.admin, encode(noisy_image(1000, 500), "JPEG"), "tide.jpg", visibility="private")
    (picture,) = preview_of(org, file)
    assert (picture["type"], picture["width"], picture["height"]) == ("image", 512, 256)
    shown = httpx.get(picture["url"], trust_env=False)
    assert shown.headers["content-type"] == picture["mimeType"] == "image/webp"
    assert Image.open(io.BytesIO(shown.content)).size == (512, 256)
    org.new_user().call("GET", f"/files/{file['id']}", 404)


def test_new_content_gets_a_new_preview_or_none(org: Organization) -> None:
    """Replacing the content removes the preview, and new content gets its own."""
    admin = org.admin
    file = make_file(admin, encode(noisy_image(300, 200), "PNG"), "tide.png")
    (old,) = preview_of(org, file)
    for content, size in ((b"only text", None), (encode(noisy_image(80, 90), "PNG"), (80, 90))):
        body = {"file_name": "tide", "file_base64": base64.b64encode(content).decode()}
        assert admin.call("PUT", f"/files/{file['id']}/content", json=body)["preview"] == []
        if size is not None:
            (new,) = preview_of(org, file)
            assert (new["width"], new["height"]) == size
            assert new["url"] != old["url"]


def test_the_thumbnail_of_a_deleted_file_is_deleted(server: Server, org: Organization) -> None:
    """Deleting a file deletes its bytes, its thumbnail, and the thumbnail's URL."""
    file = make_file(org.admin, encode(noisy_image(200, 200), "PNG"), "tide.png")
    (picture,) = preview_of(org, file)
    before = {path for path in (server.data / "blobs").rglob("*") if path.is_file()}
    org.admin.call("DELETE", f"/assets/{file['id']}")
    asyncio.run(delete_abandoned(server))
    assert httpx.get(picture["url"], trust_env=False).status_code == 404
    assert len(before - {path for path in (server.data / "blobs").rglob("*") if path.is_file()}) >= 2


async def delete_abandoned(server: Server) -> None:
    """Delete unused blobs, as the background process does every ten minutes."""
    database = Database(server.postgres_url, 1)
    await database.open()
    try:
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
    finally:
        await database.close()
