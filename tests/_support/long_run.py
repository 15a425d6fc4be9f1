"""How much the tests repeat: little in `make test`, in full in `make test-long` (`pytest --long`).

The only reader of HALLMARKET_TEST_LONG, which `--long` sets, and of HALLMARKET_FAULT_ROUNDS, which multiplies the
rounds of the fault tests in both.
"""

import os
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

LONG = "HALLMARKET_TEST_LONG"
FACTOR = int(os.environ.get("HALLMARKET_FAULT_ROUNDS", "1"))

fault_timeout = pytest.mark.timeout(180 * FACTOR)


def is_long() -> bool:
    """Return whether this run is a long one."""
    return bool(os.environ.get(LONG))


def choose(short: int, full: int) -> int:
    """Return the first number, or the second in a long run."""
    return full if is_long() else short


def rounds(full: int, *, short: int = 1) -> Iterator[int]:
    """Yield the numbers of a fault's rounds, each after a pause of random length: `full` of them in a long run."""
    for number in range(choose(short, full) * FACTOR):
        time.sleep(random.uniform(0.2, 0.9))
        yield number


def load_hypothesis_profile() -> None:
    """Draw the same examples in every short run, and new ones in every long run."""
    # The time of one example says how busy the machine is. So no example fails for being slow.
    settings.register_profile(
        "hallmarket", deadline=None, derandomize=not is_long(), suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("hallmarket")
