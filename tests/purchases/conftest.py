"""Fixtures of the purchase tests: sellers and buyers."""

from collections.abc import Iterator

import pytest

from _support.organizations import Organization, User, new_organization
from _support.servers import Server, new_server


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization with one administrator."""
    with new_organization(server) as created:
        yield created


@pytest.fixture(scope="module")
def seller(org: Organization) -> User:
    """The administrator, with a key that is bound to no organization."""
    return org.with_unbound_key(org.admin)


@pytest.fixture
def buyer(org: Organization) -> User:
    """A member of another organization, with a key that is bound to it."""
    return org.new_outsider()


@pytest.fixture(scope="session")
def org_with_fee() -> Iterator[Organization]:
    """An organization on a server with a platform fee of 2.5 %."""
    with new_server(platform_fee_bps=250) as server, new_organization(server) as org:
        yield org
