"""The command as a user runs it: a process of its own, in an own home folder."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from _support.commands import run_command, start_command
from _support.organizations import Organization, new_organization
from _support.servers import Server


class Home:
    """A user's home folder and environment; `run` runs the command in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HALLMARKET_", "XDG_"))},
            "HOME": str(folder),
        }
        self.known_logs = folder / ".config/hallmarket/known_logs.json"
        self.state = folder / ".local/state/hallmarket/anchored.sqlite3"

    def run(self, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `hallmarket` and wait for its end."""
        return run_command(*arguments, env=self.environment, cwd=self.folder, **options)

    def json(self, *arguments: object, status: int = 0) -> Any:
        """Run `hallmarket … --json`, check its exit status and return its output."""
        result = self.run(*arguments, "--json")
        assert result.returncode == status, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        return json.loads(result.stdout)

    def start(self, *arguments: object, **options: Any) -> "subprocess.Popen[bytes]":
        """Start `hallmarket` without waiting for its end."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": self.folder, **pipes, **options}
        return start_command(*arguments, env=self.environment, new_interpreter=True, **options)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A new, empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture
def at_server(home: Home, org: Organization) -> Home:
    """The home of the organization's administrator."""
    home.environment |= {"HALLMARKET_SERVER": org.server.url, "HALLMARKET_API_KEY": org.admin.member.key}
    return home


@pytest.fixture
def write(home: Home) -> Callable[..., Path]:
    """Write a file below the home folder, creating folders, and return its path."""

    def write_file(name: str, content: bytes = b"content") -> Path:
        path = home.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write_file


@pytest.fixture
def refused(home: Home) -> Callable[..., str]:
    """Run a command that must fail with a status and one line on stderr; returns that line."""

    def run(*arguments: object, status: int) -> str:
        result = home.run(*arguments)
        assert result.returncode == status, result.stdout + result.stderr
        assert result.stderr.startswith("hallmarket: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    return run
