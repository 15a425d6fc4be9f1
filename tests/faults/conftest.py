"""Fixtures: one server for the faults that do not need their own, and one record of all its responses."""

from collections.abc import Iterator

import pytest

from _support.servers import Server, new_server
from faults.load import Witness


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A server with two workers, which suffers the faults of all tests one after the other."""
    with new_server(on_disk=True, new_interpreter=True, workers=2) as running:
        yield running


@pytest.fixture(scope="package")
def witness() -> Witness:
    """Everything that server acknowledged and published: each test also checks what the tests before it caused."""
    return Witness()
