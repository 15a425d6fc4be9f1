"""Fixtures of the identity tests."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from house import House
from support import Server


@pytest.fixture
def house(server: Server) -> Iterator[House]:
    """A new organization with an administrator and a member."""
    with ExitStack() as clients:
        yield House(server, clients)
