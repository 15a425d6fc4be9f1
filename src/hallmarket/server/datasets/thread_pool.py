"""Threads for datasets' long work, apart from those all rooms share: no write keeps an upload or download waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Done = TypeVar("Done")
AT_ONCE = 4

_threads = ThreadPoolExecutor(AT_ONCE, "datasets")


async def run_in_thread(work: Callable[Given, Done], *args: Given.args, **options: Given.kwargs) -> Done:
    """What `work` returns, done in a thread of datasets' own. Raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *args, **options))
