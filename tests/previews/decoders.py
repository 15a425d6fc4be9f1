"""Finds and kills decoder processes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from _support.processes import get_name


def find_decoders(parent: int | None = None) -> list[psutil.Process]:
    """Find the decoders that a process has started; this process by default."""
    return [child for child in psutil.Process(parent).children() if get_name(child) == "hm-decoder"]


@contextmanager
def kill_decoders(parent: int | None = None) -> Iterator[None]:
    """In a thread, kill every process that a decoder forks for a file, as soon as it exists."""
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.01):
            with suppress(psutil.NoSuchProcess):
                for decoder in find_decoders(parent):
                    for forked in decoder.children():
                        forked.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
