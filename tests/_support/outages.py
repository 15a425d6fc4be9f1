"""An embedded PostgreSQL that is down for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from _support.processes import get_postmaster, kill, wait_until_gone
from _support.servers import Server


@contextmanager
def suspended(process: psutil.Process) -> Iterator[None]:
    """Stop a process (SIGSTOP) until the block ends."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@contextmanager
def database_down(server: Server) -> Iterator[None]:
    """Kill PostgreSQL and stop the process that would restart it, until the block ends."""
    assert server.process is not None
    postmaster = get_postmaster(server)
    processes = [postmaster, *postmaster.children()]
    with suspended(psutil.Process(server.process.pid)):
        kill(postmaster)
        wait_until_gone(processes, 60)
        yield
