"""Fixtures of the files' tests."""

from collections.abc import Iterator

import pytest

from _support.organizations import Organization, new_organization
from _support.servers import Server


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator, shared by the tests of one file."""
    with new_organization(server) as made:
        yield made
