"""`hallmarket verify`, `proof` and `status` against a real server, and against dishonest ones."""

import hashlib
import json
import os
import stat

import pytest

from _support.small_log import SmallLog, flip_bit, serve_log


@pytest.fixture
def at_server(home, server):
    """The home of a user whose environment names the server."""
    home.environment["HALLMARKET_SERVER"] = server.url
    return home


@pytest.fixture
def photo(at_server, write, server):
    """An anchored file with unique content."""
    path = write("photo.jpg", os.urandom(5000))
    at_server.json("anchor", "photo.jpg", "--api-key", server.api_key)
    return path


def test_a_file_is_proved(photo, at_server):
    """Anyone can verify that this very file is in the log, who signed it, and who states the times."""
    result = at_server.run("verify", "photo.jpg")
    assert (result.returncode, result.stderr) == (0, "")
    for text in (
        "photo.jpg: proved",
        "this very file, 5,000 bytes",
        "trusted on first use",
        "seen here for the first time",
        "name photo.jpg",
        "anchored 20",
        "by the word of the log's operator",
    ):
        assert text in result.stdout
    again = at_server.run("verify", "photo.jpg").stdout
    assert "remembered since" in again
    assert "seen here before are its unchanged beginning" in again


def test_a_proved_file_as_json(photo, at_server, server):
    """--json has hash, entry, claims, checkpoint, and the log with its key."""
    output = at_server.json("verify", "photo.jpg")
    (row,) = output["files"]
    assert (output["proved"], row["proved"]) == (True, True)
    assert row["hash"] == hashlib.sha3_512(photo.read_bytes()).hexdigest()
    assert row["claims"]["name"] == "photo.jpg"
    assert row["anchoredTime"] > 1_700_000_000
    assert row["log"]["size"] >= row["checkpoint"]["size"] > row["index"] >= 0


def test_several_files_each_have_a_verdict(photo, at_server, write):
    """Every file has its line; one that is not proved makes the status 1."""
    write("unknown.jpg", os.urandom(20))
    result = at_server.run("verify", "photo.jpg", "unknown.jpg", "gone.jpg", ".")
    assert result.returncode == 1
    assert result.stderr == ""
    assert "photo.jpg: proved" in result.stdout
    assert "unknown.jpg: NOT PROVED: it is not in the log, or not yet" in result.stdout
    assert "gone.jpg: NOT PROVED: there is no such file" in result.stdout
    assert ".: NOT PROVED: it is a folder" in result.stdout


def test_a_changed_file_is_not_proved(photo, at_server):
    """A file that differs by one bit is not in the log."""
    photo.write_bytes(flip_bit(photo.read_bytes(), 12345))
    assert at_server.json("verify", "photo.jpg", status=1)["files"][0]["code"] == "NOT_FOUND"


def test_the_pinned_key_must_be_the_servers(photo, at_server, write):
    """With --log-key the server's own key is accepted and any other refused, before anything is remembered."""
    other = SmallLog().vkey
    result = at_server.run("verify", "photo.jpg", "--log-key", other)
    assert result.returncode == 1
    assert result.stderr.startswith("hallmarket: ")
    assert f"not the one given by --log-key, {other}" in result.stderr
    assert not at_server.known_logs.exists()
    key = at_server.json("status")["logKey"]
    assert "the key you gave" in at_server.run("verify", "photo.jpg", "--log-key", key).stdout


def test_proof_then_verify_offline(photo, at_server):
    """A saved bundle proves the file without a server, and a file with one changed byte is not proved."""
    saved = at_server.run("proof", "photo.jpg", "-o", "photo.proof")
    assert saved.returncode == 0
    assert "photo.proof: the proof, verified, that photo.jpg is entry" in saved.stdout
    at_server.environment["HALLMARKET_SERVER"] = "http://127.0.0.1:9"
    assert at_server.run("verify", "--proof", "photo.proof", "photo.jpg").returncode == 0
    photo.write_bytes(flip_bit(photo.read_bytes(), 0))
    assert at_server.run("verify", "--proof", "photo.proof", "photo.jpg").returncode == 1


def test_proof_by_hash_to_stdout(photo, at_server):
    """A hash in either case names the file too; - writes only the bundle to stdout."""
    sha3_512 = hashlib.sha3_512(photo.read_bytes()).hexdigest()
    for text in (sha3_512, sha3_512.upper()):
        bundle = json.loads(at_server.run("proof", text, "-o", "-").stdout)
        assert bundle["claims"]["name"] == "photo.jpg"
    bare = at_server.run("proof", sha3_512, "-o", "-", "--format", "tlog-proof").stdout
    assert bare.startswith("c2sp.org/tlog-proof@v1\nindex ")
    output = at_server.json("proof", sha3_512, "-o", "photo.proof")
    assert (output["output"], output["hash"]) == ("photo.proof", sha3_512)


def test_no_proof_of_the_unknown(photo, at_server, refused, write):
    """A file that is not in the log has no proof, and no output file is written."""
    write("unknown.jpg", os.urandom(20))
    assert "unknown.jpg: it is not in the log" in refused("proof", "unknown.jpg", "-o", "out.proof", status=1)
    assert "gone.jpg: there is no such file" in refused("proof", "gone.jpg", "-o", "out.proof", status=1)
    assert "nowhere/out.proof: no such file" in refused("proof", "photo.jpg", "-o", "nowhere/out.proof", status=1)
    assert not list(at_server.folder.glob("*out.proof*"))


def test_status(at_server, server):
    """`status` shows server, version, log, queue, last checkpoint with its age, and the log's key."""
    output = at_server.json("status")
    assert (output["status"], output["server"], output["database"]) == ("ready", server.url, "ok")
    assert output["log"]["checkpoint"]["size"] == output["log"]["size"]
    assert output["checkpointAge"] >= 0
    assert output["logKey"].startswith(output["log"]["origin"] + "+")
    text = at_server.run("status").stdout
    for words in ("ready, version", "waiting", "checkpoint  number", " ago", output["logKey"]):
        assert words in text


CONTENT = b"the picture's bytes"


@pytest.fixture
def dishonest(home, write):
    """The server of a home that has verified a file against it; it can be made dishonest."""
    log = SmallLog().fill(30)
    log.add(CONTENT)
    write("photo.jpg", CONTENT)
    with serve_log(log) as shown:
        home.environment["HALLMARKET_SERVER"] = shown.url
        assert home.json("verify", "photo.jpg")["proved"]
        yield shown


def test_a_forked_log_is_refused(dishonest, home, refused):
    """A log with another history is refused in one line with status 1, and the known logs stay unchanged."""
    before = home.known_logs.read_bytes()
    dishonest.log = dishonest.log.fork(10).fill(40)
    dishonest.log.add(CONTENT)
    assert "forked log: the log seen before" in refused("verify", "photo.jpg", status=1)
    assert "forked log" in refused("proof", "photo.jpg", "-o", "photo.proof", status=1)
    assert home.json("verify", "photo.jpg", status=1)["error"]["code"] == "LOG_REFUSED"
    assert home.known_logs.read_bytes() == before


def test_a_shrunken_log_is_refused(dishonest, refused):
    """A log that is smaller than before is refused."""
    dishonest.log = dishonest.log.fork(20)
    assert "now shows only 20" in refused("verify", "photo.jpg", status=1)


def test_a_changed_key_is_refused(dishonest, refused, home):
    """A server that shows another key than before is refused until the key is given."""
    dishonest.log = SmallLog().fill(3)
    dishonest.log.add(CONTENT)
    assert "changed its log key" in refused("verify", "photo.jpg", status=1)
    assert home.json("verify", "photo.jpg", "--log-key", dishonest.log.vkey)["proved"]
    assert home.json("verify", "photo.jpg")["files"][0]["log"]["trust"] == "remembered"


def test_a_wrong_proof_is_refused(dishonest, home):
    """A server that sends the proof of another file proves nothing."""
    other = dishonest.log.bundle(3).encode()
    dishonest.answer = lambda path, answer=dishonest.answer: other if path.endswith("/proof") else answer(path)
    row = home.json("verify", "photo.jpg", status=1)["files"][0]
    assert (row["proved"], row["code"]) == (False, "NOT_PROVED")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status": 5}', b"\xff\xff"], ids=repr)
def test_another_server(dishonest, home, body):
    """If another server answers, the command says so in one line without a traceback."""
    dishonest.answer = lambda path: body
    for arguments in (["status"], ["verify", "photo.jpg"], ["proof", "photo.jpg", "-o", "p"]):
        result = home.run(*arguments)
        assert result.returncode in (1, 3)
        assert result.stderr.startswith("hallmarket: ")
        assert "Traceback" not in result.stderr


def test_the_known_logs_are_private(dishonest, home):
    """The file of known logs is readable by its owner only."""
    assert stat.S_IMODE(home.known_logs.stat().st_mode) == 0o600
