"""A database that is away for as long as a test looks: the embedded one, for it is ours to kill."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from faults.processes import get_postmaster, kill, wait_until_gone
from support import Server


@contextmanager
def suspended(process: psutil.Process) -> Iterator[None]:
    """Hold a process for a while."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@contextmanager
def database_away(server: Server) -> Iterator[None]:
    """Kill PostgreSQL, and hold the process that would start it again until the block ends."""
    assert server.process is not None
    postmaster = get_postmaster(server)
    processes = [postmaster, *postmaster.children()]
    with suspended(psutil.Process(server.process.pid)):
        kill(postmaster)
        wait_until_gone(processes, 60)
        yield
