"""The data folder: private, and held by one server at a time."""

import os
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hallmarket.server.folder import FolderLock
from starts import refusal_of_start
from support import HALLMARKET, Server, new_server


def test_second_server_on_a_folder_is_refused(server: Server) -> None:
    """A second server on one folder is refused, in words that name the first; the first goes on."""
    assert server.process is not None
    words = refusal_of_start(server)
    assert f"in use by server {server.process.pid}" in words
    assert str(server.data) in words
    with server.client("") as anybody:
        assert anybody.get("/readyz").status_code == 200


def test_folder_is_private(server: Server) -> None:
    """The data folder and what is made in it belong to its owner alone."""
    paths = [server.data, *server.data.iterdir()]
    assert {"blobs", "lock", "log.key", "scratch"} <= {path.name for path in paths}
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_killed_server_holds_no_folder() -> None:
    """A server killed with -9 holds its folder no longer, and leaves nothing in scratch that grows."""
    with new_server() as server:
        server.kill()
        server.start()
        with server.client() as api:
            assert api.get("/readyz").status_code == 200
        assert list((server.data / "scratch").iterdir()) == []


def test_start_waits_for_an_administrators_command() -> None:
    """A server started while a command is at work on the folder waits for it to end, and then starts."""
    with new_server(start=False) as server:
        server.data.mkdir(mode=0o700)
        lock = FolderLock(server.data, "admin")
        assert lock.try_acquire()
        threading.Timer(1.5, lock.release).start()
        server.start()
        with server.client("") as anybody:
            assert anybody.get("/readyz").status_code == 200


def test_commands_without_a_server_take_turns() -> None:
    """Several commands at once on a folder without a server all succeed, and leave no PostgreSQL behind."""
    with new_server(start=False) as server:
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda name: server.admin("create-org", name)["id"], ["A", "B", "C"]))
        assert len(set(made)) == 3
        assert not (server.data / "postgres" / "cluster" / "postmaster.pid").exists()


@pytest.mark.parametrize("kind", ["file", "under a file", "nowhere"])
def test_folder_that_cannot_be_is_refused(tmp_path: Path, kind: str) -> None:
    """A path that is or lies under a file, or in a file system that takes no folders, is refused in words."""
    file = tmp_path / "file"
    file.write_text("")
    data = {"file": file, "under a file": file / "data", "nowhere": Path("/proc/nothing/data")}[kind]
    server = Server(data)
    words = refusal_of_start(server)
    assert words.startswith(f"The data folder {data} cannot be made")
    assert "--data" in words


def test_folder_is_chosen_by_option_over_environment(tmp_path: Path) -> None:
    """The folder named on the command line wins over the one in the environment."""
    file = tmp_path / "file"
    file.write_text("")
    environment = {**os.environ, "HALLMARKET_DATA": str(tmp_path / "other")}
    command = [HALLMARKET, "serve", "--port", "0", "--data", str(file)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert str(file) in result.stderr
    assert not (tmp_path / "other").exists()
