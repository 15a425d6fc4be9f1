"""The load generator wrk (Debian package `wrk`), chosen because it uses little processor time itself."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "wrk"


def run_wrk(url: str, script: str, *arguments: object, connections: int = 64, seconds: int = 6) -> float:
    """Return requests per second. Exits if any response was not 2xx or 3xx."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("bench: wrk is not installed. On Debian: apt-get install wrk")
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPTS / script), url, "--"]
    output = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"bench: some requests failed:\n{output}")
    found = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    assert found is not None, output
    return float(found[1])
