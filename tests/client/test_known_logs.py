"""The file of known logs."""

import json
import os
import stat
import threading

import pytest

from _support.small_log import SmallLog
from hallmarket.client import KnownLogs, LogRefused
from hallmarket.proof.checkpoint import open_checkpoint

SERVER = "https://log.example"


@pytest.fixture
def known(tmp_path):
    """A file of known logs that does not exist yet."""
    return KnownLogs(tmp_path / "config/hallmarket/known_logs.json")


@pytest.fixture(scope="module")
def log():
    """A log of twenty entries."""
    return SmallLog().fill(20)


def test_a_remembered_log_is_found(known, log):
    """A log is found by its server and by its origin, with its key, checkpoint and first day."""
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(7))
    found = known.find(SERVER)
    assert found.verifier_key() == log.key.verifier_key
    assert found.find_checkpoint().size == 7
    assert known.find_by_origin(log.key.verifier_key.name) == [found]
    assert known.find("https://other.example") is None
    assert known.find_by_origin("other.example") == []


def test_the_file_is_private(known, log):
    """The file has mode 0600, and no temporary file remains."""
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(7))
    assert stat.S_IMODE(known.path.stat().st_mode) == 0o600
    assert sorted(os.listdir(known.path.parent)) == ["known_logs.json", "known_logs.json.lock"]  # noqa: PTH208


def test_a_log_moves_forward_only(known, log):
    """A larger checkpoint replaces a smaller one, never the reverse; the first day stays."""
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(7))
    first = known.find(SERVER)
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(9))
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(8))
    found = known.find(SERVER)
    assert (found.find_checkpoint().size, found.first_seen) == (9, first.first_seen)


def test_another_key_replaces_the_log(known, log):
    """A newly pinned key replaces the one before, at any size."""
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(9))
    other = SmallLog().fill(2)
    known.remember(SERVER, other.key.verifier_key, other.checkpoint())
    assert known.find(SERVER).find_checkpoint() == open_checkpoint(other.checkpoint(), other.key.verifier_key)
    assert len(known.read()) == 1


def test_concurrent_writers_lose_nothing(known, log):
    """Writers at the same time, each for its own server, are all remembered."""
    note = log.checkpoint(3)
    writers = [
        threading.Thread(target=known.remember, args=(f"{SERVER}/{number}", log.key.verifier_key, note))
        for number in range(12)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {one.server for one in known.read()} == {f"{SERVER}/{number}" for number in range(12)}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"v":1,"logs":[{}]}', b'{"v":2,"logs":[]}', b"\xff"], ids=repr)
def test_a_damaged_file_is_refused(known, data):
    """A damaged file is never treated as empty, because an empty file trusts any log."""
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(data)
    with pytest.raises(LogRefused, match=r"known_logs\.json"):
        known.find(SERVER)


def test_a_forged_checkpoint_in_the_file_is_noticed(known, log):
    """The remembered checkpoint's signature is verified whenever it is used."""
    known.remember(SERVER, log.key.verifier_key, log.checkpoint(7))
    wire = json.loads(known.path.read_bytes())
    wire["logs"][0]["checkpoint"] = SmallLog().fill(7).checkpoint()
    known.path.write_text(json.dumps(wire))
    with pytest.raises(ValueError, match="signed by no known key"):
        known.find(SERVER).find_checkpoint()


def test_where_the_file_is(monkeypatch, tmp_path):
    """The file is named by the environment, or is in the config folder that it names, or in the home folder."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("HALLMARKET_KNOWN_LOGS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert KnownLogs().path == tmp_path / ".config/hallmarket/known_logs.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert KnownLogs().path == tmp_path / "xdg/hallmarket/known_logs.json"
    monkeypatch.setenv("HALLMARKET_KNOWN_LOGS", str(tmp_path / "mine.json"))
    assert KnownLogs().path == tmp_path / "mine.json"
