"""Fixtures: people who sell and buy."""

from collections.abc import Iterator

import pytest

from circle import Circle, Someone, new_circle
from support import Server


@pytest.fixture(scope="module")
def circle(server: Server) -> Iterator[Circle]:
    """An organization; its administrator sells in their own name."""
    with new_circle(server) as made:
        yield made


@pytest.fixture(scope="module")
def seller(circle: Circle) -> Someone:
    """Somebody with a key bound to no organization."""
    return circle.free(circle.boss)


@pytest.fixture
def buyer(circle: Circle) -> Someone:
    """Somebody of another organization, with a key bound to that."""
    return circle.stranger()
