"""An S3 of the tests' own: moto's server, spoken to over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from support import wait_until

BUCKET = "registry"


@contextmanager
def s3_at(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """An S3 with one empty bucket, as a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: has_bucket(port), timeout_s=60)
            yield process
        finally:
            process.kill()


def has_bucket(port: int) -> bool:
    """Make the bucket; whether that could be done."""
    try:
        return httpx.put(f"http://127.0.0.1:{port}/{BUCKET}", trust_env=False).is_success
    except httpx.TransportError:
        return False
