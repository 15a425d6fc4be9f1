"""What every child of `hallmarket serve` does: it has a name, and ends when told to, or when its parent does."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

ORPHAN_TIMEOUT_S = 2


async def run_until_stopped(run: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    """Run until SIGTERM, which calls `stop`; `run` then ends what it has in hand."""
    # A Ctrl-C at the terminal reaches everybody; the parent says whose turn it is.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    end_with_parent()
    await run()


def name_process(name: str) -> None:
    """Be told apart in `top` and `ps`, where the system lets us."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def end_with_parent() -> None:
    """Get a SIGTERM when the parent is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(parent.sentinel)
            # What is under way may finish, but nothing of it keeps an orphan alive: a stalled client, a stuck database.
            signal.alarm(ORPHAN_TIMEOUT_S)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(parent.sentinel, end)
