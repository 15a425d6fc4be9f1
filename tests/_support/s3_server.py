"""An S3 server: moto, over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from _support.waiting import wait_until

BUCKET = "registry"


@contextmanager
def run_s3(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an S3 server with one empty bucket in its own process."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: create_bucket(port), timeout_s=60)
            yield process
        finally:
            process.kill()


def create_bucket(port: int) -> bool:
    """Create the bucket; return whether the server did."""
    try:
        return httpx.put(f"http://127.0.0.1:{port}/{BUCKET}", trust_env=False).is_success
    except httpx.TransportError:
        return False
