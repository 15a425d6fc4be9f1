"""A copy of the package `hallmarket` that a test changes, and a server that runs it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hallmarket
from _support.servers import Server, new_server

COMMAND = (sys.executable, "-c", "from hallmarket.cli.main import main; main()")


def copy_package(folder: Path) -> Path:
    """Copy the package into `folder`, for PYTHONPATH; returns the copy's server package."""
    shutil.copytree(Path(hallmarket.__path__[0]), folder / "hallmarket", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "hallmarket/server"


def add_room(server_package: Path, name: str) -> None:
    """Add a room, whose folder is there, to the list of rooms in a copy."""
    rooms = server_package / "rooms.py"
    text = rooms.read_text("utf-8").replace("    PAYMENTS,\n", f"    PAYMENTS,\n    {name.upper()},\n")
    rooms.write_text(f"from hallmarket.server.{name}.room import ROOM as {name.upper()}\n{text}", "utf-8")


@contextmanager
def server_of_copy(folder: Path, **settings: object) -> Iterator[Server]:
    """Run a server, in its own process, from the copy of the package in `folder`."""
    with new_server(start=False, **settings) as server:
        with server.log.open("wb") as log:
            server.process = subprocess.Popen(
                [*COMMAND, "serve", "--port", "0", "--json"],
                env=server.environment | {"PYTHONPATH": str(folder)},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert server.process.stdout is not None
        for line in server.process.stdout:
            event = json.loads(line)
            if event["event"] == "first-start":
                server.api_key, server.organization = event["key"], event["organization"]
            if event["event"] == "listening":
                server.url = event["url"]
                break
        assert server.url, server.log.read_text()
        yield server
