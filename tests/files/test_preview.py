"""A file's preview: the thumbnail of its content, for those who may read it."""

import asyncio
import base64
import io
from typing import Any

import httpx
from PIL import Image

from circle import Circle
from hallmarket.server.blobs.delete_abandoned import delete_abandoned_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from making_files import make_file
from previews.samples import encode, grainy
from support import Server, wait_until


def preview_of(circle: Circle, file: dict[str, Any]) -> Any:
    """A file's preview, once there is one."""
    return wait_until(lambda: circle.boss.ask("GET", f"/files/{file['id']}")["preview"])


def test_a_picture_is_shown_to_its_readers(circle: Circle) -> None:
    """A file that is a picture gets its thumbnail as preview, which opens; whoever may not read it is told nothing."""
    file = make_file(circle.boss, encode(grainy(1000, 500), "JPEG"), "tide.jpg", visibility="private")
    (picture,) = preview_of(circle, file)
    assert (picture["type"], picture["width"], picture["height"]) == ("image", 512, 256)
    shown = httpx.get(picture["url"], trust_env=False)
    assert shown.headers["content-type"] == picture["mimeType"] == "image/webp"
    assert Image.open(io.BytesIO(shown.content)).size == (512, 256)
    circle.person().ask("GET", f"/files/{file['id']}", 404)


def test_other_content_gets_another_preview_or_none(circle: Circle) -> None:
    """A preview goes with the content it shows."""
    boss = circle.boss
    file = make_file(boss, encode(grainy(300, 200), "PNG"), "tide.png")
    (old,) = preview_of(circle, file)
    for content, size in ((b"only text", None), (encode(grainy(80, 90), "PNG"), (80, 90))):
        body = {"file_name": "tide", "file_base64": base64.b64encode(content).decode()}
        assert boss.ask("PUT", f"/files/{file['id']}/content", json=body)["preview"] == []
        if size is not None:
            (new,) = preview_of(circle, file)
            assert (new["width"], new["height"]) == size
            assert new["url"] != old["url"]


def test_a_deleted_files_thumbnail_is_cleared_away(server: Server, circle: Circle) -> None:
    """With a file go its bytes, and with these their thumbnail and its address."""
    file = make_file(circle.boss, encode(grainy(200, 200), "PNG"), "tide.png")
    (picture,) = preview_of(circle, file)
    before = {path for path in (server.data / "blobs").rglob("*") if path.is_file()}
    circle.boss.ask("DELETE", f"/assets/{file['id']}")
    asyncio.run(delete_abandoned(server))
    assert httpx.get(picture["url"], trust_env=False).status_code == 404
    assert len(before - {path for path in (server.data / "blobs").rglob("*") if path.is_file()}) >= 2


async def delete_abandoned(server: Server) -> None:
    """What the background process does every ten minutes."""
    database = Database(server.postgres_url, 1)
    await database.open()
    try:
        await delete_abandoned_blobs(database, ObjectStore("", server.data / "blobs"))
    finally:
        await database.close()
