"""`hallmarket anchor --dry-run` as a whole process, compared with bare hashlib processes over the same files.

python -m bench.fingerprint
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.table import Row, print_rows

ROUNDS = 7
LARGE_BYTES = 64 * 1024 * 1024
SMALL_FILES, SMALL_BYTES = 10_000, 4 * 1024
LARGE_TARGET = 0.9
SMALL_TARGET = 10_000

# The fastest plain hashlib loop: one buffer, no copies. With n processes, each takes every n-th file.
BARE = """
import hashlib, sys
buffer = bytearray(256 * 1024)
view = memoryview(buffer)
for path in sys.argv[1:]:
    hasher = hashlib.sha3_512()
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(view[:count])
    hasher.digest()
"""


def run(rounds: int = ROUNDS) -> list[Row]:
    """Measure large and small files; returns one row for each."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-bench-") as folder:
        large, small = Path(folder) / "large", Path(folder) / "small"
        _fill(large, 2 * _cores(), LARGE_BYTES)
        _fill(small, SMALL_FILES, SMALL_BYTES)
        return [_large(large, rounds), _small(small, rounds)]


def _large(folder: Path, rounds: int) -> Row:
    files = sorted(folder.iterdir())
    size_bytes = sum(file.stat().st_size for file in files)
    ours, bare = _alternate(lambda: _anchor(folder), lambda: _bare(files), rounds)
    # Compare within each round, because other work on the machine slows both alike.
    ratio = statistics.median(b / a for a, b in zip(ours, bare, strict=True))
    return Row(
        what=f"{len(files)} files of {LARGE_BYTES // 2**20} MiB on {_cores()} cores",
        hallmarket=f"{size_bytes / statistics.median(ours) / 1e6:.0f} MB/s",
        baseline=f"{size_bytes / statistics.median(bare) / 1e6:.0f} MB/s, bare hashlib.sha3_512",
        figure=round(ratio, 3),
        target=LARGE_TARGET,
        met=ratio >= LARGE_TARGET,
    )


def _small(folder: Path, rounds: int) -> Row:
    files = sorted(folder.iterdir())
    ours, bare = _alternate(lambda: _anchor(folder), lambda: _bare(files), rounds)
    rate = round(SMALL_FILES / statistics.median(ours))
    return Row(
        what=f"{SMALL_FILES:,} files of {SMALL_BYTES // 1024} KiB on {_cores()} cores",
        hallmarket=f"{rate:,} files/s",
        baseline=f"{SMALL_FILES / statistics.median(bare):,.0f} files/s, bare hashlib.sha3_512",
        figure=rate,
        target=SMALL_TARGET,
        met=rate >= SMALL_TARGET,
    )


def _alternate(first: Callable[[], None], second: Callable[[], None], rounds: int) -> tuple[list[float], list[float]]:
    """Time both in turn, seconds each, after one round that only fills the caches."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for which, action in enumerate((first, second)):
            started = time.perf_counter()
            action()
            if number:
                seconds[which].append(time.perf_counter() - started)
    return seconds


def _anchor(folder: Path) -> None:
    command = Path(sys.executable).with_name("hallmarket")
    subprocess.run([command, "anchor", "--dry-run", "--quiet", folder], check=True, env=_environment())


def _bare(files: list[Path]) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", BARE, *files[start :: _cores()]], env=_environment())
        for start in range(_cores())
    ]
    for process in processes:
        if process.wait():
            raise RuntimeError("a bare hashlib process failed")


def _environment() -> dict[str, str]:
    # Python must be allowed to store compiled files, or every start would also measure the compiler.
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _fill(folder: Path, count: int, size_bytes: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:06}.bin").write_bytes(os.urandom(size_bytes))


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
