"""Helpers of the demo: printed steps, users who run the command, and a registry on a temporary folder."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HALLMARKET = str(Path(sys.executable).with_name("hallmarket"))
START_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60

Print = Callable[[str], None]


class StepFailed(Exception):
    """A step of the demo did not have the expected result."""


def check(condition: object, expectation: str) -> None:
    """Raise StepFailed with the expectation if the condition is false."""
    if not condition:
        raise StepFailed(expectation)


class Steps:
    """Prints the title of each step with its number, its details, and the time it took."""

    def __init__(self) -> None:
        self._count = 0
        self._started_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self._started_s

    @contextmanager
    def step(self, title: str) -> Iterator[Print]:
        """Run one step; yields a function that prints details under its title."""
        self._count += 1
        started_s = time.monotonic()
        print(f"\n{self._count}. {title}", flush=True)
        yield _print_details
        _print_details(f"({time.monotonic() - started_s:.2f} s)")


def _print_details(text: str) -> None:
    for line in text.splitlines():
        print(f"   {line}", flush=True)


def private_environment(home: Path) -> dict[str, str]:
    """Return an environment without Hallmarket settings, whose state files are in the new folder `home`."""
    home.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARKET_")}
    return clean | {
        "HALLMARKET_STATE": str(home / "anchored.sqlite3"),
        "HALLMARKET_KNOWN_LOGS": str(home / "known_logs.json"),
        "PYTHONIOENCODING": "utf-8",
    }


class User:
    """A user of the command, with separate state files and, if given, an API key."""

    def __init__(self, home: Path, server: str, api_key: str = "") -> None:
        self._folder = home.parent
        self._environment = private_environment(home) | {"HALLMARKET_SERVER": server}
        if api_key:
            self._environment["HALLMARKET_API_KEY"] = api_key

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run `hallmarket`, print the command and its output, and return the output.

        Raises StepFailed if the exit status is not `status`.
        """
        _print_details(f"$ hallmarket {shlex.join(arguments)}")
        result = subprocess.run(
            [HALLMARKET, *arguments],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            encoding="utf-8",
            timeout=COMMAND_TIMEOUT_S,
        )
        output = result.stdout + result.stderr
        _print_details(output)
        check(result.returncode == status, f"the exit status should be {status}, but it is {result.returncode}")
        return output


class Registry:
    """`hallmarket serve` on a new data folder and a free port."""

    def __init__(self, folder: Path) -> None:
        self.url = self.api_key = ""
        self._data = folder / "registry"
        self._log = folder / "server.log"
        self._environment = private_environment(folder / "operator")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [HALLMARKET, "serve", "--data", str(self._data), "--port", "0", "--json"],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until the server accepts requests. Raises StepFailed if it does not start."""
        assert self._process.stdout is not None
        signal.signal(signal.SIGALRM, lambda *_: self._process.kill())
        signal.alarm(START_TIMEOUT_S)
        for line in self._process.stdout:
            event = json.loads(line)
            self.api_key = event.get("key", self.api_key)
            if event["event"] == "listening":
                self.url = event["url"]
                break
        signal.alarm(0)
        check(self.url, f"the server should have started; its log ends with:\n{self._log.read_text('utf-8')[-2000:]}")

    def create_user(self, name: str) -> User:
        """Create a user and an API key as the operator does; the key is not printed."""
        self.administer("create-user", name)
        key = json.loads(self.administer("create-key", name, "--json"))["key"]
        return User(self._data.parent / name, self.url, key)

    def administer(self, *arguments: str) -> str:
        """Run a `hallmarket admin` command and return its output. Raises StepFailed if it fails."""
        command = [HALLMARKET, "admin", *arguments, "--data", str(self._data)]
        result = subprocess.run(
            command, env=self._environment, capture_output=True, encoding="utf-8", timeout=COMMAND_TIMEOUT_S
        )
        check(result.returncode == 0, f"`hallmarket admin {arguments[0]}` should succeed: {result.stderr}")
        return result.stdout

    def stop(self) -> int:
        """Stop the server with SIGTERM, as an operator would, and return its exit status."""
        self._process.terminate()
        return self._process.wait(60)

    def clean_up(self) -> None:
        """Stop the server and its PostgreSQL, whether the demo succeeded or not."""
        with suppress(subprocess.TimeoutExpired):
            if self._process.poll() is None:
                self.stop()
        if self._process.poll() != 0:
            # A server that was killed may leave its PostgreSQL running.
            from hallmarket.server.database.embedded import EmbeddedPostgres

            self._process.kill()
            self._process.wait()
            EmbeddedPostgres(self._data).stop()
