"""What the demo plays with: a storyteller, people who run the command, and a registry that is really served."""

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

Say = Callable[[str], None]


class Broken(Exception):
    """A step that did not do what it promises."""


def check(condition: object, promise: str) -> None:
    """Raise Broken unless what was promised is so."""
    if not condition:
        raise Broken(promise)


class Story:
    """Tells each step with its number and the time it took."""

    def __init__(self) -> None:
        self._steps = 0
        self._began_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the story has taken so far."""
        return time.monotonic() - self._began_s

    @contextmanager
    def step(self, title: str) -> Iterator[Say]:
        """One step; what is said by the function given out, line by line, stands under its title."""
        self._steps += 1
        began_s = time.monotonic()
        print(f"\n{self._steps}. {title}", flush=True)
        yield _say
        _say(f"({time.monotonic() - began_s:.2f} s)")


def _say(text: str) -> None:
    for line in text.splitlines():
        print(f"   {line}", flush=True)


def private_environment(home: Path) -> dict[str, str]:
    """The environment without any setting of Hallmarket's, its files of this user kept in a new folder `home`."""
    home.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARKET_")}
    return clean | {
        "HALLMARKET_STATE": str(home / "anchored.sqlite3"),
        "HALLMARKET_KNOWN_LOGS": str(home / "known_logs.json"),
        "PYTHONIOENCODING": "utf-8",
    }


class Person:
    """Somebody with a memory of their own, who runs the command."""

    def __init__(self, home: Path, server: str, api_key: str = "") -> None:
        self._folder = home.parent
        self._environment = private_environment(home) | {"HALLMARKET_SERVER": server}
        if api_key:
            self._environment["HALLMARKET_API_KEY"] = api_key

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run `hallmarket`, show it and what it prints, and return that; Broken unless it ends with `status`."""
        _say(f"$ hallmarket {shlex.join(arguments)}")
        result = subprocess.run(
            [HALLMARKET, *arguments],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        told = result.stdout + result.stderr
        _say(told)
        check(result.returncode == status, f"that should have ended with status {status}, not {result.returncode}")
        return told


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
        """Wait until it answers; Broken if it does not start."""
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
        check(self.url, f"the server should have started; its log ends:\n{self._log.read_text('utf-8')[-2000:]}")

    def join(self, name: str) -> Person:
        """A new person with a home and a key, made as its operator makes them; their key is shown to nobody."""
        self.operate("create-user", name)
        key = json.loads(self.operate("create-key", name, "--json"))["key"]
        return Person(self._data.parent / name, self.url, key)

    def operate(self, *arguments: str) -> str:
        """What a `hallmarket admin` command of its operator prints."""
        command = [HALLMARKET, "admin", *arguments, "--data", str(self._data)]
        result = subprocess.run(command, env=self._environment, capture_output=True, encoding="utf-8", timeout=60)
        check(result.returncode == 0, f"`hallmarket admin {arguments[0]}` should have worked: {result.stderr}")
        return result.stdout

    def stop(self) -> int:
        """Stop it as an operator would; returns its exit status."""
        self._process.terminate()
        return self._process.wait(60)

    def clean_up(self) -> None:
        """Leave nothing running, however it went."""
        with suppress(subprocess.TimeoutExpired):
            if self._process.poll() is None:
                self.stop()
        if self._process.poll() != 0:
            # It did not end well, so PostgreSQL may have outlived it.
            from hallmarket.server.database.embedded import EmbeddedPostgres

            self._process.kill()
            self._process.wait()
            EmbeddedPostgres(self._data).stop()
