"""Fixtures of the media tests. Creating a member takes longer than most tests, so each module shares one."""

from collections.abc import Iterator

import httpx
import pytest

from _support.members import Member
from _support.servers import Server


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A member of a new organization with an API key, shared by the tests of one module."""
    return server.new_member()


@pytest.fixture(scope="module")
def api(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's key."""
    with server.client(member.key) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(server: Server) -> Iterator[httpx.Client]:
    """A client of a member of another organization."""
    with server.client() as client:
        yield client
