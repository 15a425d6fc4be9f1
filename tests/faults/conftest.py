"""Fixtures: one server for every fault that any server can suffer, and one memory of what it ever said."""

from collections.abc import Iterator

import pytest

from _support.servers import Server, new_server
from faults.load import Witness


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A server with two workers, on which the tests inflict one fault after the other."""
    with new_server(on_disk=True, new_interpreter=True, workers=2) as running:
        yield running


@pytest.fixture(scope="package")
def witness() -> Witness:
    """What that server ever acknowledged and published: every test answers for the ones before it too."""
    return Witness()
