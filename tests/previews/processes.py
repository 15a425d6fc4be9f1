"""The decoders' processes, to be looked at and killed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from _support.processes import get_name


def find_decoders(parent: int | None = None) -> list[psutil.Process]:
    """The decoders that a process has started; this one unless told."""
    return [child for child in psutil.Process(parent).children() if get_name(child) == "hm-decoder"]


@contextmanager
def killing_decoders(parent: int | None = None) -> Iterator[None]:
    """Kill whatever is forked to decode a file, as soon as it is there, from a thread of its own."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.01):
            with suppress(psutil.NoSuchProcess):
                for decoder in find_decoders(parent):
                    for forked in decoder.children():
                        forked.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
