"""Operating-system sandbox of a query process."""

import ctypes
import os
import resource
import signal
import sys

MAX_OPEN_FILES = 4096  # two for each file of a version
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38  # of Linux's prctl


def enter_sandbox(parent_pid: int) -> None:
    """Restrict this process for good, before it reads its first request.

    It ends when its parent does, cannot gain privileges, writes no file and no core dump, opens at most
    MAX_OPEN_FILES, and works in the root folder.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which stops this process itself
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)  # the parent ended before PDEATHSIG was set
    os.chdir("/")
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so a write fails with an error
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = MAX_OPEN_FILES if hard_limit == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard_limit)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
