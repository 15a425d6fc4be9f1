"""Takes from a process what answering queries does not need, before it sees the first."""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")  # pages: all, resident, …, data
OPEN_FILES = 4096  # two for each file of a version
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
# What the C library and Arrow would otherwise set aside per thread counts as memory in use.
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "4", "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def confine(parent: int) -> None:
    """End with the parent, however it ends; leave no core, gain no rights, open few files, start in no folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is for the server, which ends us
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no files at all
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def bound_memory(size_bytes: int) -> None:
    """Let the process allocate so much more than it has now, whoever of its libraries asks."""
    limit = _data_bytes() + size_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_bytes() -> int:
    if sys.platform != "linux":
        return 512 * 1024 * 1024
    return int(STATM.read_text().split()[5]) * resource.getpagesize()


def resident_bytes() -> int:
    """How much memory the process holds; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return int(STATM.read_text().split()[1]) * resource.getpagesize()
