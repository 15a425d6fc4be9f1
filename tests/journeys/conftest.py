"""Fixtures of the journeys: an organization, and the official clients of its administrator and of a member."""

from collections.abc import Iterator
from typing import Any

import pytest

from circle import Circle, new_circle
from exchange import official_client
from support import Server


@pytest.fixture
def circle(server: Server) -> Iterator[Circle]:
    """A new organization of the shared server, with an administrator."""
    with new_circle(server) as made:
        yield made


@pytest.fixture
def boss(circle: Circle) -> Iterator[Any]:
    """The administrator's official client."""
    with official_client(circle.server, circle.boss.member.key) as client:
        yield client


@pytest.fixture
def guest(circle: Circle) -> Iterator[Any]:
    """A member's official client."""
    with official_client(circle.server, circle.person().member.key) as client:
        yield client
