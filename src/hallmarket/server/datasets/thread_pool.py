"""A thread pool for the long operations of datasets, so that they do not delay uploads and downloads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
MAX_THREADS = 4

_pool = ThreadPoolExecutor(MAX_THREADS, "datasets")


async def run_in_thread(
    function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Run a blocking function in the thread pool, and return its result. Raises what the function raises."""
    return await asyncio.get_running_loop().run_in_executor(_pool, partial(function, *args, **kwargs))
