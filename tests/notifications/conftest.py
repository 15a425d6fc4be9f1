"""Fixtures of the tests of notifications."""

from collections.abc import Iterator

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import Server


@pytest.fixture
def me(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's token, whose key is bound to their organization."""
    with exchange_client(server, member.key) as client:
        yield client
