"""Fixtures: people who sell and buy."""

from collections.abc import Iterator

import pytest

from _support.organizations import Organization, User, new_organization
from _support.servers import Server, new_server


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization; its administrator sells in their own name."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def seller(org: Organization) -> User:
    """Somebody with a key bound to no organization."""
    return org.with_unbound_key(org.admin)


@pytest.fixture
def buyer(org: Organization) -> User:
    """Somebody of another organization, with a key bound to that."""
    return org.new_outsider()


@pytest.fixture(scope="session")
def taxed() -> Iterator[Organization]:
    """An organization of a server whose platform keeps 2.5 % of each price."""
    with new_server(platform_fee_bps=250) as server, new_organization(server) as org:
        yield org
