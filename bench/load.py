"""The load generator wrk (Debian's package `wrk`), which leaves most of the machine to what is measured."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "wrk"


def run_wrk(url: str, script: str, *arguments: object, connections: int = 64, seconds: int = 6) -> float:
    """Requests a second that were answered 2xx or 3xx. Fails if any was not."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("bench: wrk is missing; install it first (Debian: apt-get install wrk)")
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPTS / script), url, "--"]
    output = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"bench: some requests failed:\n{output}")
    found = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    assert found is not None, output
    return float(found[1])
