"""Interrupted uploads, lost responses and files that change, against a scripted server."""

import json
import os

import pytest

from _support.scripted_server import scripted_server
from hallmarket.client import Exchange, FileChanged, HallmarketError, ServerUnreachable, Upload
from hallmarket.client._files import read_chunks

TOKEN = (200, {}, b'{"access_token":"t","refresh_token":"t","error":null}')
ID = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
UPLOADED = {"id": ID, "bucket": "files", "path": f"{ID}/a", "mime_type": "x/y", "file_name": "a", "size": 3}
COMPLETE = (200, {}, json.dumps({"data": UPLOADED | {"sha3_512": "ab" * 64}}).encode())
ASSET = {"id": ID, "asset_type": "file", "visibility": "private", "user_id": ID, "org_id": ID, "team_id": ID}
MADE = (200, {}, json.dumps({"data": ASSET | {"created_at": "2026", "last_updated": "2026"}}).encode())
CUT = (0, {}, b"")
NOTHING = (404, {}, b'{"data":null,"error":{"message":"There is no such file.","code":"not_found","status":404}}')


def test_an_upload_is_repeated(tmp_path):
    """After a failure the bytes are sent again from the first, and are counted once."""
    path = tmp_path / "a"
    path.write_bytes(os.urandom(600_000))
    reported = []
    address = json.dumps({"data": {"upload_id": "files/a", "upload_url": "/uploads/x", "headers": {}}}).encode()
    responses = (TOKEN, (200, {}, address), (503, {}, b""), (200, {}, b"{}"), COMPLETE)
    with scripted_server(*responses) as (url, bodies), Exchange(url, "hm_key", retry_s=5) as exchange:
        assert exchange.files.upload(path, "a", None, reported.append).id == ID
    assert [len(body) for body in bodies[2:4]] == [600_000, 600_000]
    assert bodies[3] == path.read_bytes()


def test_a_lost_response_to_a_creation():
    """After a lost response the file is looked up by its id; only a missing file is an error."""
    upload = Upload(sha3_512="ab" * 64, **UPLOADED)
    for lost in (CUT, (504, {}, b"")):
        with scripted_server(TOKEN, lost, MADE) as (url, bodies), Exchange(url, "hm_key", retry_s=5) as exchange:
            assert exchange.files.create(upload, name="a").id == ID
        assert len(bodies) == 3
    with (
        scripted_server(TOKEN, CUT, NOTHING) as (url, _),
        Exchange(url, "hm_key", retry_s=5) as exchange,
        pytest.raises(ServerUnreachable),
    ):
        exchange.files.create(upload, name="a")


def test_a_refused_creation_is_an_error():
    """An error response is not treated as a lost response."""
    upload = Upload(sha3_512="ab" * 64, **UPLOADED)
    refused = (400, {}, b'{"data":null,"error":{"message":"No such team.","code":"invalid_request","status":400}}')
    with (
        scripted_server(TOKEN, refused) as (url, bodies),
        Exchange(url, "hm_key") as exchange,
        pytest.raises(HallmarketError, match="No such team"),
    ):
        exchange.files.create(upload, name="a")
    assert len(bodies) == 2


@pytest.mark.parametrize("size_bytes", [10, 99, 101, 1000])
def test_a_file_that_changes_is_noticed(tmp_path, size_bytes):
    """A file that is longer or shorter than before raises, and the bytes reported for it are taken back."""
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    reported = []
    with pytest.raises(FileChanged):
        list(read_chunks(path, size_bytes, reported.append))
    assert sum(reported) == 0
    assert b"".join(read_chunks(path, 100, reported.append)) == bytes(100)
