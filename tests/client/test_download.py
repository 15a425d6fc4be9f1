"""Interrupted downloads: resumed, restarted or refused, and never incomplete."""

import hashlib
import os

import pytest

from _support.scripted_server import scripted_server
from hallmarket.client import Exchange, HallmarketError, ManifestFile, ServerUnreachable
from hallmarket.proof.errors import ProofError

DATASET = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
TOKEN = (200, {}, b'{"access_token":"t","refresh_token":"t","error":null}')
WHOLE = os.urandom(700_000)
DIGEST = hashlib.sha3_512(WHOLE).hexdigest()


@pytest.fixture
def fetch(tmp_path):
    """Download from a server with these responses; returns the file's bytes and the sum of the bytes reported."""

    def run(*responses, retry_s=5):
        reported = []
        with scripted_server(TOKEN, *responses) as (url, _), Exchange(url, "hm_key", retry_s=retry_s) as exchange:
            exchange.authenticate()
            file = ManifestFile("a.parquet", 1, DIGEST, len(WHOLE))
            exchange.datasets.download_file(DATASET, 1, file, tmp_path / "a.parquet", reported.append)
        return (tmp_path / "a.parquet").read_bytes(), sum(reported)

    return run


def test_a_download_is_resumed(fetch, tmp_path):
    """Bytes that arrived before the connection broke are not requested again."""
    responses = (0, {}, WHOLE[:300_000]), (503, {}, b""), (206, {}, WHOLE[300_000:])
    assert fetch(*responses) == (WHOLE, len(WHOLE))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_server_without_ranges(fetch):
    """A server that ignores the range and sends everything again duplicates nothing."""
    assert fetch((0, {}, WHOLE[:300_000]), (200, {}, WHOLE)) == (WHOLE, len(WHOLE))


def test_a_later_run_resumes(fetch, tmp_path):
    """The partial file of a failed download is the beginning of the next one."""
    with pytest.raises(ServerUnreachable):
        fetch((0, {}, WHOLE[:300_000]), (0, {}, b""), retry_s=0)
    assert not (tmp_path / "a.parquet").exists()
    assert fetch((206, {}, WHOLE[300_000:])) == (WHOLE, len(WHOLE))


@pytest.mark.parametrize("wrong", [WHOLE[:-1] + b"x", WHOLE + b"x"], ids=["changed", "longer"])
def test_wrong_bytes_are_refused(fetch, tmp_path, wrong):
    """Bytes that differ from those promised never become the target or the beginning of another download."""
    with pytest.raises(ProofError, match="other bytes"):
        fetch((200, {}, wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_not_retried(fetch):
    """An error response is raised without a second attempt."""
    error = b'{"data":null,"error":{"message":"There is no such version.","code":"not_found","status":404}}'
    with pytest.raises(HallmarketError, match="no such version"):
        fetch((404, {}, error))
