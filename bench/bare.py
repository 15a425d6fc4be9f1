"""Baseline: a bare ASGI application (`bench/hello.py`, `bench/bytes.py`) on the same web server as Hallmarket."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bare_application(body_bytes: int = 0, application: str = "hello", folder: str = ".") -> Iterator[str]:
    """Run one of the two and yield its URL; `body_bytes` is for `hello`, `folder` for `bytes`."""
    program = str(Path(sys.executable).with_name("uvicorn"))
    command = [program, f"bench.{application}:app", "--port", "18999", "--no-access-log"]
    command += ["--loop", "uvloop", "--http", "httptools", "--lifespan", "off", "--log-level", "warning"]
    environment = os.environ | {"BODY_BYTES": str(body_bytes), "FOLDER": folder}
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[1])
    try:
        time.sleep(2)
        yield "http://127.0.0.1:18999"
    finally:
        process.terminate()
        process.wait()
