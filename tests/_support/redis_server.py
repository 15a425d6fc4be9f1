"""A real Redis server; Debian's package is installed if it is missing and the tests run as root."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from _support.waiting import wait_until

APT = "DEBIAN_FRONTEND=noninteractive apt-get"


class Redis:
    """One redis-server that listens on a Unix socket in its own folder."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it with no data and wait until it answers."""
        options = {"--port": "0", "--unixsocket": str(self._socket), "--dir": str(self._socket.parent), "--save": ""}
        # Raise its priority if permitted: Hallmarket waits only 100 ms for Redis and then continues without it.
        command = ["nice", "-n", "-15", "redis-server", *(word for option in options.items() for word in option)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.command("ping") == "PONG")
        return self.process

    def command(self, *words: str) -> str:
        """Run a command with redis-cli and return what it prints."""
        argv = ["redis-cli", "-s", str(self._socket), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout.strip()

    def kill(self) -> None:
        """Send SIGKILL and wait until it has ended."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Stop it (SIGSTOP) until the block ends: connections stay open and get no answer."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def new_redis() -> Iterator[Redis]:
    """Run a Redis server until the block ends."""
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
