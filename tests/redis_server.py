"""A real Redis for the tests, Debian's; installed if it is missing and we are root, named if we are not."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import wait_until

APT = "DEBIAN_FRONTEND=noninteractive apt-get"


class Redis:
    """One redis-server, listening on a socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, empty, and wait until it answers."""
        options = {"--port": "0", "--unixsocket": str(self._socket), "--dir": str(self._socket.parent), "--save": ""}
        # Before others, if we may: a server that has to wait for it longer than a moment goes on without it.
        command = ["nice", "-n", "-15", "redis-server", *(word for option in options.items() for word in option)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.ask("ping") == "PONG")
        return self.process

    def ask(self, *words: str) -> str:
        """What `redis-cli` prints for a command."""
        command = ["redis-cli", "-s", str(self._socket), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it hold its connections and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def new_redis() -> Iterator[Redis]:
    """A Redis of its own, gone at the end."""
    _install()
    with tempfile.TemporaryDirectory(prefix="hallmarket-redis-") as folder:
        redis = Redis(Path(folder))
        try:
            yield redis
        finally:
            redis.kill()


def _install() -> None:
    if shutil.which("redis-server") and shutil.which("redis-cli"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.fail("The tests need a Redis; install it first (Debian: apt-get install redis-server).")
    for command in (f"{APT} update -qq", f"{APT} install -y -qq --no-install-recommends redis-server"):
        subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
