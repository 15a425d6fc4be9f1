"""The log's signing key: generated once, readable only by its owner, and never replaced by another."""

import stat
from collections.abc import Iterator

import pytest

from _support.anchoring import anchor_and_wait
from _support.servers import Server, new_server
from _support.startup import get_start_error
from hallmarket.proof.checkpoint import open_checkpoint
from hallmarket.proof.key import SigningKey, VerifierKey


@pytest.fixture(scope="module")
def stopped() -> Iterator[Server]:
    """A stopped server with its own data folder, for starts that are refused."""
    with new_server(start=False) as server:
        yield server


@pytest.fixture(scope="module")
def log() -> Iterator[tuple[Server, SigningKey]]:
    """A stopped server that has anchored an item, and the key it generated."""
    with new_server() as server:
        with server.client() as api:
            anchor_and_wait(api)
        server.stop()
        yield server, SigningKey.parse((server.data / "log.key").read_text().strip())


def published_key(server: Server) -> str:
    """Fetch the verifier key without authentication."""
    with server.client("") as anonymous:
        response = anonymous.get("/log/key")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.endswith("\n")
    return response.text.removesuffix("\n")


def test_key_is_readable_only_by_its_owner(log: tuple[Server, SigningKey]) -> None:
    """The first start writes the key with mode 0600, and the private key never appears in the server's log."""
    server, key = log
    assert stat.S_IMODE((server.data / "log.key").stat().st_mode) == 0o600
    assert key.verifier_key.name.startswith("hallmarket-")
    assert key.text() not in server.log.read_text()
    assert sorted(path.name for path in server.data.iterdir() if path.name.startswith("log.")) == ["log.key"]


def test_key_readable_by_others_is_refused(log: tuple[Server, SigningKey]) -> None:
    """A key file that other users can read is refused, and the message says how to fix its mode."""
    server, _ = log
    path = server.data / "log.key"
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        assert f"chmod 600 {path}" in get_start_error(server)
    path.chmod(0o600)


@pytest.mark.parametrize("text", ["", "nonsense\n"], ids=["empty", "nonsense"])
def test_file_without_a_key_is_refused(log: tuple[Server, SigningKey], text: str) -> None:
    """A key file that is empty or corrupt is refused, and never overwritten."""
    server, key = log
    path = server.data / "log.key"
    path.write_text(text)
    assert f"{path} does not contain a valid signing key" in get_start_error(server)
    assert path.read_text() == text
    path.write_text(key.text())


def test_wrong_key_is_refused(log: tuple[Server, SigningKey]) -> None:
    """A different key of the same name, configured or generated, is refused; the message names both verifier keys."""
    server, key = log
    other = SigningKey.generate(key.verifier_key.name)
    server.settings["log_key"] = other.text()
    message = get_start_error(server)
    del server.settings["log_key"]
    assert str(key.verifier_key) in message
    assert str(other.verifier_key) in message
    assert "PRIVATE" not in message
    path = server.data / "log.key"
    text = path.read_text()
    path.unlink()
    assert str(key.verifier_key) in get_start_error(server)
    path.write_text(text)
    path.chmod(0o600)


def test_key_and_name_survive_a_restart(log: tuple[Server, SigningKey]) -> None:
    """After a restart the log keeps its key and name, even if another origin is configured."""
    server, key = log
    server.settings["log_origin"] = "another.example/log"
    server.start()
    assert published_key(server) == str(key.verifier_key)
    with server.client() as api:
        anchor_and_wait(api)
        assert open_checkpoint(api.get("/log/checkpoint").text, key.verifier_key).size == 2


def test_configured_key_is_used_and_stored_nowhere() -> None:
    """A key from the settings signs the log under the key's own name, and is written to no file or table."""
    key = SigningKey.generate("registry.example/log")
    with new_server(log_key=key.text()) as server:
        assert published_key(server) == str(key.verifier_key)
        assert not (server.data / "log.key").exists()
        assert key.text() not in server.log.read_text()
        assert "PRIVATE" not in str(server.query("select * from log_head, server_secret"))
        with server.client("") as anonymous:
            checkpoint = open_checkpoint(anonymous.get("/log/checkpoint").text, key.verifier_key)
            assert anonymous.get("/readyz").json()["log"]["origin"] == "registry.example/log"
        assert checkpoint.origin == "registry.example/log"


@pytest.mark.parametrize("origin", ["two message", "a+b", "line\nend"])
def test_invalid_origin_is_refused(stopped: Server, origin: str) -> None:
    """An origin that contains a space, a plus sign or a line break is refused, and no key is created."""
    stopped.settings["log_origin"] = origin
    assert "cannot name a log" in get_start_error(stopped)
    assert not (stopped.data / "log.key").exists()


@pytest.mark.parametrize("key", ["nonsense", "PRIVATE+KEY+x+00000000+AAAA", "x+33d7b496+AeHTu4Q3hEIM"])
def test_invalid_configured_key_is_refused(stopped: Server, key: str) -> None:
    """An invalid key in the settings is refused; the message names the setting and does not repeat its value."""
    stopped.settings.update(log_key=key, log_origin="")
    message = get_start_error(stopped)
    assert message.startswith("HALLMARKET_LOG_KEY does not contain a valid signing key")
    assert key not in message


def test_origin_names_a_new_log(stopped: Server) -> None:
    """The origin configured at the first successful start becomes the name of the log and of its key."""
    stopped.settings.update(log_key="", log_origin="first.example/log")
    stopped.start()
    key = VerifierKey.parse(published_key(stopped))
    assert key.name == "first.example/log"
    with stopped.client("") as anonymous:
        assert open_checkpoint(anonymous.get("/log/checkpoint").text, key).origin == "first.example/log"


def test_key_is_readable_by_any_web_page(server: Server) -> None:
    """The verifier key may be read by any web page and cached for five minutes."""
    with server.client("") as anonymous:
        response = anonymous.get("/log/key")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "public, max-age=300"
