"""What the tests of notifications share."""

from collections.abc import Iterator

import httpx
import pytest

from exchange import exchange_client
from support import Member, Server


@pytest.fixture
def me(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's token, whose key is bound to their organization."""
    with exchange_client(server, member.key) as client:
        yield client
