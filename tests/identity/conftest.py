"""Fixtures of the identity tests."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from _support.servers import Server
from identity.managed_organization import ManagedOrganization


@pytest.fixture
def org(server: Server) -> Iterator[ManagedOrganization]:
    """A new organization with an administrator and a member."""
    with ExitStack() as clients:
        yield ManagedOrganization(server, clients)
