"""`hallmarket verify --proof` of a small file as a whole process, compared with a Python process that does nothing.

python -m bench.verify
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.table import Row, print_rows

ROUNDS = 10
TARGET_S = 0.25
EXAMPLE = Path(__file__).parents[1] / "docs/reference"
CONTENT = b"Kodachrome, box 12"  # the file that docs/reference/example.proof proves


def run(rounds: int = ROUNDS) -> list[Row]:
    """Verify the documentation's example, alternating with a bare Python process; medians of the wall clock."""
    command = [str(Path(sys.executable).with_name("hallmarket")), "verify", "--log-key", str(EXAMPLE / "example.vkey")]
    with tempfile.TemporaryDirectory(prefix="hallmarket-bench-") as folder:
        file = Path(folder) / "scan_1944.txt"
        file.write_bytes(CONTENT)
        command += ["--proof", str(EXAMPLE / "example.proof"), str(file)]
        _time(command, folder)
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(_time(command, folder))
            bare.append(_time([sys.executable, "-c", "pass"], folder))
    median_s = statistics.median(ours)
    return [
        Row(
            what=f"`hallmarket verify --proof` of a small file, median of {rounds}",
            hallmarket=f"{median_s * 1000:.0f} ms",
            baseline=f"{statistics.median(bare) * 1000:.0f} ms, a Python process that does nothing",
            figure=round(median_s, 3),
            target=TARGET_S,
            met=median_s <= TARGET_S,
        )
    ]


def _time(command: list[str], home: str) -> float:
    """Return the wall-clock seconds of a command that must succeed."""
    # Python must be allowed to store compiled files, or every start would also measure the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started_s = time.perf_counter()
    subprocess.run(command, check=True, env=environment | {"HOME": home}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
