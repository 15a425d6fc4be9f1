"""Fixtures of the wallet tests."""

from collections.abc import Iterator

import pytest

from _support.organizations import Organization, new_organization
from _support.servers import Server


@pytest.fixture
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with one administrator."""
    with new_organization(server) as made:
        yield made
