"""Fixtures of the media tests: one member a file, for making one takes longer than most tests."""

from collections.abc import Iterator

import httpx
import pytest

from _support.members import Member
from _support.servers import Server


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key in a new organization, shared by the tests of one file."""
    return server.new_member()


@pytest.fixture(scope="module")
def api(server: Server, member: Member) -> Iterator[httpx.Client]:
    """An HTTP client with that member's key."""
    with server.client(member.key) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(server: Server) -> Iterator[httpx.Client]:
    """An HTTP client of another organization's member."""
    with server.client() as client:
        yield client
