"""`hallmarket verify --proof`: a saved bundle, without a network."""

import json

import pytest

from _support.small_log import SmallLog, b64, flip_bit
from hallmarket.client import KnownLogs

CONTENT = b"the picture's bytes"


@pytest.fixture
def log():
    """A log of 300 entries; number 270 is the picture."""
    log = SmallLog().fill(270)
    assert log.add(CONTENT) == 270
    return log.fill(29)


@pytest.fixture
def saved(log, write):
    """The picture and its saved bundle, in the home folder."""
    write("photo.jpg", CONTENT)
    return write("photo.proof", log.bundle(270).encode())


def test_a_bundle_and_its_file_are_proved(home, log, saved):
    """With the log's key the output shows what is proved, who signed it, and who states the times."""
    result = home.run("verify", "--proof", saved, "photo.jpg", "--log-key", log.vkey)
    assert result.returncode == 0
    assert result.stderr == ""
    for text in (
        "photo.jpg: proved",
        "entry 270 of the log log.example/small",
        f"signed    by the log's key {log.vkey}, the key you gave",
        "name photo.jpg",
        "by the word of the log's operator",
    ):
        assert text in result.stdout


def test_a_bundle_alone_is_proved(home, log, saved):
    """Without the file the bundle still proves that a file with this fingerprint is in the log."""
    output = home.json("verify", "--proof", saved, "--log-key", log.vkey)
    assert output["proved"]
    assert output["files"][0] | {"id": None} == {
        "path": None,
        "proved": True,
        "hash": log.hashes[270],
        "size": len(CONTENT),
        "id": None,
        "index": 270,
        "claims": json.loads(log.bundle(270).encode())["claims"],
        "anchoredTime": None,
        "checkpoint": {"size": 300, "root": output["files"][0]["checkpoint"]["root"]},
        "log": {"origin": "log.example/small", "key": log.vkey, "trust": "pinned", "size": None},
    }


def test_the_key_may_be_in_a_file(home, log, saved, write):
    """--log-key takes @FILE and FILE as well as the key itself."""
    write("log.vkey", f"{log.vkey}\n".encode())
    for key in ("@log.vkey", "log.vkey"):
        assert home.run("verify", "--proof", saved, "--log-key", key).returncode == 0


def test_a_log_seen_before_needs_no_key(home, log, saved):
    """A remembered key is used offline."""
    KnownLogs(home.known_logs).remember("https://log.example", log.key.verifier_key, log.checkpoint(280))
    output = home.json("verify", "--proof", saved, "photo.jpg")
    assert output["files"][0]["log"]["trust"] == "remembered"


def test_an_unknown_log_proves_nothing(refused, home, saved):
    """Without a key for the log the file is not proved, and the reason says how to get the key."""
    result = home.run("verify", "--proof", saved, "photo.jpg")
    assert result.returncode == 1
    assert "NOT PROVED: the log log.example/small is not known here" in result.stdout


def test_a_bundle_without_claims_is_proved(home, log, write):
    """A bundle with erased claims is proved, and the output says that none are disclosed."""
    bundle = json.loads(log.bundle(270).encode()) | {"claims": None, "salt": None}
    path = write("bare.proof", json.dumps(bundle).encode())
    result = home.run("verify", "--proof", path, "--log-key", log.vkey)
    assert result.returncode == 0
    assert "none disclosed" in result.stdout


def test_another_file_is_refused(home, log, saved, write):
    """A file with one changed byte is not proved."""
    write("photo.jpg", flip_bit(CONTENT, 3))
    result = home.run("verify", "--proof", saved, "photo.jpg", "--log-key", log.vkey)
    assert result.returncode == 1
    assert "photo.jpg: NOT PROVED: The proof is for another file" in result.stdout


def test_another_key_is_refused(home, log, saved):
    """A bundle signed by one log proves nothing to a user who trusts another."""
    other = SmallLog().vkey
    assert not home.json("verify", "--proof", saved, "--log-key", other, status=1)["proved"]


def _tampered(log):
    wire = json.loads(log.bundle(270).encode())
    lines = wire["proof"].split("\n")
    entry = log.entries[270]
    claims = wire["claims"]
    yield "entry", wire | {"entry": b64(flip_bit(entry, 300))}
    yield "entry of another", wire | {"entry": b64(log.entries[5])}
    yield "claims", wire | {"claims": claims | {"name": "other.jpg"}}
    yield "claims without salt", wire | {"salt": None}
    yield "salt", wire | {"salt": b64(bytes(32))}
    yield "index", wire | {"proof": wire["proof"].replace("index 270", "index 271")}
    yield "a hash", wire | {"proof": "\n".join([*lines[:2], b64(bytes(32)), *lines[3:]])}
    yield "a missing hash", wire | {"proof": "\n".join(lines[:2] + lines[3:])}
    yield "size", wire | {"proof": wire["proof"].replace("\n300\n", "\n301\n")}
    yield "no signature", wire | {"proof": wire["proof"][: wire["proof"].rindex("—")]}
    yield "version", wire | {"v": 2}
    yield "no entry", {name: value for name, value in wire.items() if name != "entry"}
    yield "a number", 7
    yield "nothing", None


def test_modified_bundles_are_refused(home, log, write):
    """A bundle with any modification is not proved, with status 1 and without a traceback."""
    for what, wire in _tampered(log):
        path = write("bad.proof", json.dumps(wire).encode())
        output = home.json("verify", "--proof", path, "--log-key", log.vkey, status=1)
        assert output["proved"] is False, what
        assert output["files"][0]["reason"], what


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"[" * 10_000, b'{"v":1', b"{}", b'{"v":1,"entry":"\\ud800"}'], ids=repr
)
def test_malformed_bundles_are_refused(home, log, write, data):
    """Malformed bytes are not proved."""
    path = write("bad.proof", data)
    assert not home.json("verify", "--proof", path, "--log-key", log.vkey, status=1)["proved"]


def test_a_missing_or_too_large_bundle(home, refused, write):
    """A missing, unreadable or too large bundle is reported in one line."""
    assert "none.proof: no such file" in refused("verify", "--proof", "none.proof", status=1)
    assert "is a directory" in refused("verify", "--proof", ".", status=1)
    write("big.proof", bytes(17 * 1024 * 1024))
    assert "too large" in refused("verify", "--proof", "big.proof", status=1)


def test_a_fork_of_the_remembered_log_is_refused(home, log, saved, write):
    """A bundle whose checkpoint contradicts the remembered one of the same size is a forked log."""
    fork = log.fork(100).fill(200)
    KnownLogs(home.known_logs).remember("https://log.example", log.key.verifier_key, fork.checkpoint())
    output = home.json("verify", "--proof", saved, "photo.jpg", status=1)
    assert output["files"][0]["code"] == "LOG_REFUSED"
    assert output["files"][0]["reason"].startswith("forked log")


def test_nothing_is_written_offline(home, log, saved):
    """Offline verification writes no file."""
    home.run("verify", "--proof", saved, "--log-key", log.vkey)
    assert not (home.folder / ".config").exists()
