"""Fixtures of the files' tests."""

from collections.abc import Iterator

import pytest

from circle import Circle, new_circle
from support import Server


@pytest.fixture(scope="module")
def circle(server: Server) -> Iterator[Circle]:
    """A new organization of the shared server, with an administrator, shared by the tests of one file."""
    with new_circle(server) as made:
        yield made
