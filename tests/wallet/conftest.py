"""Fixtures of the wallets' tests: people with money."""

from collections.abc import Iterator

import pytest

from circle import Circle, new_circle
from support import Server


@pytest.fixture
def circle(server: Server) -> Iterator[Circle]:
    """A new organization of the shared server, with an administrator."""
    with new_circle(server) as made:
        yield made
