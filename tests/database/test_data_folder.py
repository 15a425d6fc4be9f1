"""The data folder: private to its owner, and locked by one server at a time."""

import os
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from _support.servers import HALLMARKET, Server, new_server
from _support.startup import get_start_error
from hallmarket.server.data_folder import DataFolderLock


def test_second_server_on_a_folder_is_refused(server: Server) -> None:
    """A second server on a folder is refused, and the message names the first one, which keeps running."""
    assert server.process is not None
    message = get_start_error(server)
    assert f"in use by server {server.process.pid}" in message
    assert str(server.data) in message
    with server.client("") as anonymous:
        assert anonymous.get("/readyz").status_code == 200


def test_folder_is_private(server: Server) -> None:
    """The data folder and its contents are accessible only to their owner."""
    paths = [server.data, *server.data.iterdir()]
    assert {"blobs", "lock", "log.key", "scratch"} <= {path.name for path in paths}
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_killed_server_releases_its_folder() -> None:
    """A server killed with -9 releases its folder and leaves no files in scratch."""
    with new_server() as server:
        server.kill()
        server.start()
        with server.client() as api:
            assert api.get("/readyz").status_code == 200
        assert list((server.data / "scratch").iterdir()) == []


def test_start_waits_for_an_admin_command() -> None:
    """A server started while an admin command uses the folder waits for it to finish, and then starts."""
    with new_server(start=False) as server:
        server.data.mkdir(mode=0o700)
        lock = DataFolderLock(server.data, "admin")
        assert lock.try_acquire()
        threading.Timer(1.5, lock.release).start()
        server.start()
        with server.client("") as anonymous:
            assert anonymous.get("/readyz").status_code == 200


def test_admin_commands_without_a_server_take_turns() -> None:
    """Several concurrent commands on a folder without a server all succeed, and leave no PostgreSQL running."""
    with new_server(start=False) as server:
        with ThreadPoolExecutor(3) as pool:
            ids = list(pool.map(lambda name: server.admin("create-org", name)["id"], ["A", "B", "C"]))
        assert len(set(ids)) == 3
        assert not (server.data / "postgres" / "cluster" / "postmaster.pid").exists()


@pytest.mark.parametrize("kind", ["file", "under a file", "nowhere"])
def test_impossible_folder_is_refused(tmp_path: Path, kind: str) -> None:
    """A path that is a file, is under a file, or is on a file system without folders is refused with a message."""
    file = tmp_path / "file"
    file.write_text("")
    data = {"file": file, "under a file": file / "data", "nowhere": Path("/proc/nothing/data")}[kind]
    server = Server(data)
    message = get_start_error(server)
    assert message.startswith(f"The data folder {data} cannot be created")
    assert "--data" in message


def test_option_overrides_environment(tmp_path: Path) -> None:
    """The folder given on the command line takes precedence over the one in the environment."""
    file = tmp_path / "file"
    file.write_text("")
    environment = {**os.environ, "HALLMARKET_DATA": str(tmp_path / "other")}
    command = [HALLMARKET, "serve", "--port", "0", "--data", str(file)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert str(file) in result.stderr
    assert not (tmp_path / "other").exists()
