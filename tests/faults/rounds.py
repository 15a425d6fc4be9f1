"""How often each fault is repeated: a few times in an ordinary run, as often as you like in a long soak."""

import os
import random
import time
from collections.abc import Iterator

import pytest

FACTOR = int(os.environ.get("HALLMARKET_FAULT_ROUNDS", "1"))

# A soak of a hundred times the rounds may take a hundred times as long.
long_enough = pytest.mark.timeout(180 * FACTOR)


def rounds(usual: int) -> Iterator[int]:
    """The numbers of the rounds, each begun at a moment nobody can foresee."""
    for number in range(usual * FACTOR):
        time.sleep(random.uniform(0.2, 0.9))
        yield number
