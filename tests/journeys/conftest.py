"""Fixtures of the journeys: an organization, and the official clients of its administrator and of a member."""

from collections.abc import Iterator
from typing import Any

import pytest

from _support.clients import official_client
from _support.organizations import Organization, new_organization
from _support.servers import Server


@pytest.fixture
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture
def admin(org: Organization) -> Iterator[Any]:
    """The administrator's official client."""
    with official_client(org.server, org.admin.member.key) as client:
        yield client


@pytest.fixture
def guest(org: Organization) -> Iterator[Any]:
    """A member's official client."""
    with official_client(org.server, org.new_user().member.key) as client:
        yield client
