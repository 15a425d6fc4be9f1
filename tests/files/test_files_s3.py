"""Files in an S3 store: uploaded, downloaded whole and in part, and deleted."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store

from _support.files import make_file
from _support.organizations import Organization, new_organization
from _support.ports import free_port
from _support.responses import assert_exchange_error
from _support.s3_server import BUCKET, run_s3
from _support.servers import new_server
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database

MIB = 1024 * 1024


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Organization, Any]]:
    """An organization on a server that stores bytes in S3, and the process of that S3."""
    port = free_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    with run_s3(port) as s3, new_server(blobs=f"s3://{BUCKET}/kept") as server, new_organization(server) as org:
        yield org, s3


def test_life_of_a_file_in_s3(world: tuple[Organization, Any]) -> None:
    """A file of several parts is stored in S3, downloaded whole and in part, and deleted. Without S3, it is 503."""
    org, s3 = world
    admin, content = org.admin, os.urandom(20 * MIB + 3)
    upload = admin.call("POST", "/files/upload-url", json={"file_name": "large.bin"})
    assert httpx.put(upload["upload_url"], content=content, trust_env=False, timeout=120).status_code == 200
    upload_id = upload["path"].partition("/")[0]
    admin.call("POST", "/files/create", json={"file": {"id": upload_id, "name": "Large", "visibility": "private"}})
    url = admin.call("GET", f"/files/{upload_id}/data")["url"]
    assert httpx.get(url, trust_env=False, timeout=120).content == content
    part = httpx.get(url, headers={"range": f"bytes={7 * MIB}-{9 * MIB}"}, trust_env=False, timeout=120)
    assert (part.status_code, part.content) == (206, content[7 * MIB : 9 * MIB + 1])
    small = make_file(admin, b"small", visibility="private")
    assert admin.client.post(f"/assets/{small['id']}/download").content == b"small"
    admin.call("DELETE", f"/files/{upload_id}")
    delete_abandoned(org)
    assert names() == [str(org.server.query("select 'kept/' || right(x, 2) || '/' || x from (select"
                           " replace(blob_id::text, '-', '') as x from file)")[0][0])]  # fmt: skip
    s3.kill()
    s3.wait()
    away = admin.client.post(f"/assets/{small['id']}/download", timeout=120)
    assert_exchange_error(away, 503, "unavailable")


def names() -> list[str]:
    """Return the names of all objects in the bucket."""
    store = S3Store(BUCKET, client_options={"allow_http": True})
    return [entry["path"] for page in obstore.list(store) for entry in page]


def delete_abandoned(org: Organization) -> None:
    """Delete unused blobs, as the background process does every ten minutes."""

    async def run() -> None:
        database = Database(org.server.postgres_url, 1)
        await database.open()
        await delete_unused_blobs(database, ObjectStore(f"s3://{BUCKET}/kept", org.server.data))
        await database.close()

    asyncio.run(run())
