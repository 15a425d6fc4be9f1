"""Uploads to an S3 store over HTTP, with moto's server in place of Amazon's."""

import hashlib
import os
import subprocess
from collections.abc import Iterator

import obstore
import pytest
from obstore.store import S3Store

from _support.ports import free_port
from _support.responses import assert_media_error
from _support.s3_server import BUCKET, run_s3
from _support.servers import Server, new_server
from _support.waiting import wait_until
from previews.samples import encode, noisy_image

MIB = 1024 * 1024


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, "subprocess.Popen[bytes]"]]:
    """A server that stores its bytes in S3, and the process of that S3."""
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with run_s3(port) as s3, new_server(blobs=f"s3://{BUCKET}/media") as running:
        yield running, s3


def stored_hashes() -> list[str]:
    """Return the SHA3-512 of every object in the bucket."""
    store = S3Store(BUCKET, client_options={"allow_http": True})
    objects = [entry["path"] for page in obstore.list(store) for entry in page]
    assert all(path.startswith("media/") for path in objects)
    return [hashlib.sha3_512(bytes(obstore.get(store, path).bytes())).hexdigest() for path in objects]


def test_bytes_are_stored_in_s3_once(server: tuple[Server, object]) -> None:
    """Small files and files of several parts are stored under the prefix byte for byte. Duplicates are not stored."""
    running, _ = server
    contents = [b"small", os.urandom(20 * MIB + 7)]
    with running.client() as api:
        hashes = []
        for content in contents:
            response = api.post("/v1/media", files={"file": ("a", content)}, timeout=120)
            assert response.status_code == 201, response.text
            hashes.append(response.json()["hash"])
            repeated = api.post("/v1/media", files={"file": ("a", content)}, timeout=120)
            assert_media_error(repeated, 409, "DUPLICATE")
    assert hashes == [hashlib.sha3_512(content).hexdigest() for content in contents]
    assert sorted(stored_hashes()) == sorted(hashes)
    assert list((running.data / "blobs").iterdir()) == []


def test_thumbnails_are_made_from_and_stored_in_s3(server: tuple[Server, object]) -> None:
    """A thumbnail is made from an image in S3, stored in S3 and served from there."""
    running, _ = server
    with running.client() as api:
        item = api.post("/v1/media", files={"file": ("a", encode(noisy_image(800, 600), "PNG"))}).json()
        wait_until(lambda: running.query("select 1 from preview where state = 'made'"), timeout_s=60)
        thumbnail = api.get(api.get(f"/v1/media/{item['id']}").json()["thumbnail"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert hashlib.sha3_512(thumbnail.content).hexdigest() in stored_hashes()
    assert list((running.data / "blobs").iterdir()) == list((running.data / "scratch").iterdir()) == []


def test_without_s3_an_upload_is_503(server: "tuple[Server, subprocess.Popen[bytes]]") -> None:
    """While S3 is down, uploads are 503 and store nothing. Other requests still work."""
    running, s3 = server
    s3.kill()
    s3.wait()
    with running.client() as api:
        response = api.post("/v1/media", files={"file": ("a", b"x")}, timeout=120)
        assert_media_error(response, 503, "UNAVAILABLE")
        assert api.get("/v1/media").json()["total"] == 0
    assert running.query("select count(*) from blob where kept")[0][0] == 0
