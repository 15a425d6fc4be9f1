"""Functions for the child processes of `hallmarket serve`: name the process, and stop with SIGTERM or the parent."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

ORPHAN_TIMEOUT_S = 2


async def run_until_stopped(run: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    """Await `run`. SIGTERM calls `stop`, after which `run` finishes its current work and returns."""
    # A Ctrl-C at the terminal reaches every process. Ignore it, because the parent stops its children in order.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    end_with_parent()
    await run()


def name_process(name: str) -> None:
    """Set the process name that `top` and `ps` show, if the system allows it."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def end_with_parent() -> None:
    """Send this process a SIGTERM when its parent ends for any reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(parent.sentinel)
            # Current work may finish, but a stalled client or a stuck database must not keep an orphan alive.
            signal.alarm(ORPHAN_TIMEOUT_S)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(parent.sentinel, end)
