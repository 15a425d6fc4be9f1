"""Files in an S3 store: sent, read whole and in part, and cleared away, over HTTP as anybody speaks it."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store

from circle import Circle, new_circle
from hallmarket.server.blobs.delete_abandoned import delete_abandoned_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from making_files import make_file
from s3 import BUCKET, s3_at
from support import free_port, new_server
from wire import assert_exchange_error

MIB = 1024 * 1024


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Circle, Any]]:
    """An organization of a server that keeps its bytes in S3, and that S3's process."""
    port = free_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    with s3_at(port) as s3, new_server(blobs=f"s3://{BUCKET}/kept") as server, new_circle(server) as circle:
        yield circle, s3


def test_life_of_a_file_in_s3(world: tuple[Circle, Any]) -> None:
    """A file larger than a part goes to S3 and comes back, whole and in parts; deleted it is gone; S3 away is 503."""
    circle, s3 = world
    boss, content = circle.boss, os.urandom(20 * MIB + 3)
    begun = boss.ask("POST", "/files/upload-url", json={"file_name": "large.bin"})
    assert httpx.put(begun["upload_url"], content=content, trust_env=False, timeout=120).status_code == 200
    upload_id = begun["path"].partition("/")[0]
    boss.ask("POST", "/files/create", json={"file": {"id": upload_id, "name": "Large", "visibility": "private"}})
    url = boss.ask("GET", f"/files/{upload_id}/data")["url"]
    assert httpx.get(url, trust_env=False, timeout=120).content == content
    part = httpx.get(url, headers={"range": f"bytes={7 * MIB}-{9 * MIB}"}, trust_env=False, timeout=120)
    assert (part.status_code, part.content) == (206, content[7 * MIB : 9 * MIB + 1])
    small = make_file(boss, b"small", visibility="private")
    assert boss.client.post(f"/assets/{small['id']}/download").content == b"small"
    boss.ask("DELETE", f"/files/{upload_id}")
    delete_abandoned(circle)
    assert names() == [str(circle.server.query("select 'kept/' || right(x, 2) || '/' || x from (select"
                           " replace(blob_id::text, '-', '') as x from file)")[0][0])]  # fmt: skip
    s3.kill()
    s3.wait()
    away = boss.client.post(f"/assets/{small['id']}/download", timeout=120)
    assert_exchange_error(away, 503, "unavailable")


def names() -> list[str]:
    """The names of all objects in the bucket."""
    store = S3Store(BUCKET, client_options={"allow_http": True})
    return [entry["path"] for page in obstore.list(store) for entry in page]


def delete_abandoned(circle: Circle) -> None:
    """What the background does every few minutes."""

    async def run() -> None:
        database = Database(circle.server.postgres_url, 1)
        await database.open()
        await delete_abandoned_blobs(database, ObjectStore(f"s3://{BUCKET}/kept", circle.server.data))
        await database.close()

    asyncio.run(run())
