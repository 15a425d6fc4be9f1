"""Memory limit of a query process, enforced by the operating system."""

import resource
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")  # counts pages: total, resident, shared, text, lib, data, dt
ASSUMED_DATA_BYTES = 512 * 1024 * 1024  # where the system does not report it


def limit_memory(size_bytes: int) -> None:
    """Let this process allocate at most `size_bytes` more than it has now, its libraries included."""
    limit = _data_bytes() + size_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_bytes() -> int:
    if sys.platform != "linux":
        return ASSUMED_DATA_BYTES
    return int(STATM.read_text().split()[5]) * resource.getpagesize()
