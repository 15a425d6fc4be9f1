"""Find the unit tests: tests that start no process, neither directly nor through a fixture or helper."""

import asyncio
import multiprocessing
import multiprocessing.context
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

STARTERS = (
    subprocess.Popen,
    subprocess.run,
    subprocess.check_call,
    subprocess.check_output,
    asyncio.create_subprocess_exec,
    multiprocessing.Process,
    multiprocessing.get_context,
    os.fork,
)
OURS = tuple(str(Path(__file__).parents[2] / folder) for folder in ("src", "tests"))


def is_unit_test(item: pytest.Item) -> bool:
    """Return whether a collected test starts no process.

    Follows the names that the test, its fixtures and their helpers refer to. What a function imports itself is not
    followed.
    """
    if not isinstance(item, pytest.Function):
        return False
    fixtures = [each.func for definitions in item._fixtureinfo.name2fixturedefs.values() for each in definitions]
    seen: set[int] = set()
    waiting: list[object] = [item.function, *fixtures]
    while waiting:
        value = waiting.pop()
        if any(value is starter for starter in STARTERS):
            return False
        if id(value) not in seen:
            seen.add(id(value))
            waiting.extend(_references(value))
    return True


def _references(value: object) -> Iterator[object]:
    """Yield what a function or a class of this project refers to by name."""
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, type) and _is_ours(value.__module__):
        yield from (getattr(member, "__func__", getattr(member, "fget", member)) for member in vars(value).values())
    elif isinstance(value, FunctionType) and value.__code__.co_filename.startswith(OURS):
        names = _names(value.__code__)
        for name in names & value.__globals__.keys():
            found = value.__globals__[name]
            if isinstance(found, ModuleType):
                yield from (vars(found)[attribute] for attribute in names & vars(found).keys())
            else:
                yield found


def _is_ours(module: str) -> bool:
    return str(getattr(sys.modules.get(module), "__file__", "")).startswith(OURS)


@cache
def _names(code: CodeType) -> frozenset[str]:
    """The names in a function's code, and in the functions inside it."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset(code.co_names).union(*inner)
