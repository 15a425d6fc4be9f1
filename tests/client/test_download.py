"""Downloads that break off: gone on with, begun anew, or refused, and never half there."""

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
    """Download what a server sends that gives these answers; returns what is there then, and the bytes told of."""

    def run(*answers, retry_s=5):
        told = []
        with scripted_server(TOKEN, *answers) as (url, _), Exchange(url, "hm_key", retry_s=retry_s) as exchange:
            exchange.authenticate()
            file = ManifestFile("a.parquet", 1, DIGEST, len(WHOLE))
            exchange.datasets.download_file(DATASET, 1, file, tmp_path / "a.parquet", told.append)
        return (tmp_path / "a.parquet").read_bytes(), sum(told)

    return run


def test_a_download_goes_on_where_it_broke_off(fetch, tmp_path):
    """What came before the connection was cut is not asked for again."""
    answers = (0, {}, WHOLE[:300_000]), (503, {}, b""), (206, {}, WHOLE[300_000:])
    assert fetch(*answers) == (WHOLE, len(WHOLE))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_server_without_ranges(fetch):
    """One that sends everything again is believed to, and nothing is doubled."""
    assert fetch((0, {}, WHOLE[:300_000]), (200, {}, WHOLE)) == (WHOLE, len(WHOLE))


def test_a_later_run_goes_on(fetch, tmp_path):
    """What a run that gave up left beside the target is the beginning of the next one's."""
    with pytest.raises(ServerUnreachable):
        fetch((0, {}, WHOLE[:300_000]), (0, {}, b""), retry_s=0)
    assert not (tmp_path / "a.parquet").exists()
    assert fetch((206, {}, WHOLE[300_000:])) == (WHOLE, len(WHOLE))


@pytest.mark.parametrize("wrong", [WHOLE[:-1] + b"x", WHOLE + b"x"], ids=["changed", "longer"])
def test_other_bytes_are_refused(fetch, tmp_path, wrong):
    """Bytes that are not those promised are never put in place, nor gone on with."""
    with pytest.raises(ProofError, match="other bytes"):
        fetch((200, {}, wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_told_at_once(fetch):
    """What the server will not give is not asked for again."""
    error = b'{"data":null,"error":{"message":"There is no such version.","code":"not_found","status":404}}'
    with pytest.raises(HallmarketError, match="no such version"):
        fetch((404, {}, error))
