"""Fixtures of the tests of teams."""

from collections.abc import Iterator

import pytest

from _support.organizations import Organization, new_organization
from _support.servers import Server


@pytest.fixture
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made
