"""The log's signing key: made once, kept for its owner alone, and never exchanged for another."""

import stat
from collections.abc import Iterator

import pytest

from anchors import anchored
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.key import SigningKey, VerifierKey
from starts import refusal_of_start
from support import Server, new_server


@pytest.fixture(scope="module")
def stopped() -> Iterator[Server]:
    """A server that is not running, on a folder of its own, for starts that are refused."""
    with new_server(start=False) as server:
        yield server


@pytest.fixture(scope="module")
def log() -> Iterator[tuple[Server, SigningKey]]:
    """A server that was started, anchored something and was stopped, with the key it made."""
    with new_server() as server:
        with server.client() as api:
            anchored(api)
        server.stop()
        yield server, SigningKey.parse((server.data / "log.key").read_text().strip())


def published_key(server: Server) -> str:
    """The verifier key as anybody gets it."""
    with server.client("") as anybody:
        response = anybody.get("/log/key")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.endswith("\n")
    return response.text.removesuffix("\n")


def test_key_is_kept_for_its_owner_alone(log: tuple[Server, SigningKey]) -> None:
    """The first start makes the key with mode 0600, and neither log nor database ever holds its private half."""
    server, key = log
    assert stat.S_IMODE((server.data / "log.key").stat().st_mode) == 0o600
    assert key.verifier_key.name.startswith("hallmarket-")
    assert key.text() not in server.log.read_text()
    assert sorted(path.name for path in server.data.iterdir() if path.name.startswith("log.")) == ["log.key"]


def test_key_open_to_others_is_refused(log: tuple[Server, SigningKey]) -> None:
    """A key file that others can read is refused until its mode is mended; the words say how."""
    server, _ = log
    path = server.data / "log.key"
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        assert f"chmod 600 {path}" in refusal_of_start(server)
    path.chmod(0o600)


@pytest.mark.parametrize("text", ["", "nonsense\n"], ids=["empty", "nonsense"])
def test_file_that_holds_no_key_is_refused(log: tuple[Server, SigningKey], text: str) -> None:
    """A key file that is empty or spoilt is refused, and never written over."""
    server, key = log
    path = server.data / "log.key"
    path.write_text(text)
    assert f"{path} holds no signing key" in refusal_of_start(server)
    assert path.read_text() == text
    path.write_text(key.text())


def test_wrong_key_is_refused(log: tuple[Server, SigningKey]) -> None:
    """Another key of the same name cannot go on with a log, given or new; both verifier keys are named."""
    server, key = log
    other = SigningKey.generate(key.verifier_key.name)
    server.settings["log_key"] = other.text()
    words = refusal_of_start(server)
    del server.settings["log_key"]
    assert str(key.verifier_key) in words
    assert str(other.verifier_key) in words
    assert "PRIVATE" not in words
    path = server.data / "log.key"
    text = path.read_text()
    path.unlink()
    assert str(key.verifier_key) in refusal_of_start(server)
    path.write_text(text)
    path.chmod(0o600)


def test_key_goes_on_where_it_was(log: tuple[Server, SigningKey]) -> None:
    """After a restart the log goes on under the same key and name, whatever origin is given then."""
    server, key = log
    server.settings["log_origin"] = "another.example/log"
    server.start()
    assert published_key(server) == str(key.verifier_key)
    with server.client() as api:
        anchored(api)
        assert open_checkpoint(api.get("/log/checkpoint").text, key.verifier_key).size == 2


def test_given_key_is_used_and_written_nowhere() -> None:
    """A key given by setting signs the log, under its own name, and is written to no file and no table."""
    key = SigningKey.generate("registry.example/log")
    with new_server(log_key=key.text()) as server:
        assert published_key(server) == str(key.verifier_key)
        assert not (server.data / "log.key").exists()
        assert key.text() not in server.log.read_text()
        assert "PRIVATE" not in str(server.query("select * from log_head, server_secret"))
        with server.client("") as anybody:
            checkpoint = open_checkpoint(anybody.get("/log/checkpoint").text, key.verifier_key)
            assert anybody.get("/readyz").json()["log"]["origin"] == "registry.example/log"
        assert checkpoint.origin == "registry.example/log"


@pytest.mark.parametrize("origin", ["two words", "a+b", "line\nend"])
def test_origin_that_no_note_can_carry_is_refused(stopped: Server, origin: str) -> None:
    """An origin with a space, a plus or a line end is refused in words, and leaves no key behind."""
    stopped.settings["log_origin"] = origin
    assert "cannot name a log" in refusal_of_start(stopped)
    assert not (stopped.data / "log.key").exists()


@pytest.mark.parametrize("key", ["nonsense", "PRIVATE+KEY+x+00000000+AAAA", "x+33d7b496+AeHTu4Q3hEIM"])
def test_given_key_that_is_none_is_refused(stopped: Server, key: str) -> None:
    """A setting that holds no signing key is refused by name, without repeating what it holds."""
    stopped.settings.update(log_key=key, log_origin="")
    words = refusal_of_start(stopped)
    assert words.startswith("HALLMARKET_LOG_KEY holds no signing key")
    assert key not in words


def test_origin_names_a_new_log(stopped: Server) -> None:
    """The origin given at the first start that succeeds is the log's name and its key's."""
    stopped.settings.update(log_key="", log_origin="first.example/log")
    stopped.start()
    key = VerifierKey.parse(published_key(stopped))
    assert key.name == "first.example/log"
    with stopped.client("") as anybody:
        assert open_checkpoint(anybody.get("/log/checkpoint").text, key).origin == "first.example/log"


def test_key_may_be_asked_for_by_any_page(server: Server) -> None:
    """The verifier key may be read by any web page and kept for some minutes."""
    with server.client("") as anybody:
        response = anybody.get("/log/key")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "public, max-age=300"
