"""Fixtures: people who sell and buy."""

from collections.abc import Iterator

import pytest

from circle import Circle, Someone, new_circle
from support import Server, new_server


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


@pytest.fixture(scope="session")
def taxed() -> Iterator[Circle]:
    """An organization of a server whose platform keeps 2.5 % of each price."""
    with new_server(platform_fee_bps=250) as server, new_circle(server) as circle:
        yield circle
