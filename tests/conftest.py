"""Fixtures: one real server for everything that does not need its own."""

import ssl
from collections.abc import Iterator
from functools import cache

import httpx
import pytest
from hypothesis import HealthCheck, settings

from _support.databases import store_in_memory
from _support.members import Member
from _support.servers import Server, new_server
from _support.unit_tests import is_unit_test

# Our servers speak plain HTTP, and to read the world's certificates takes every new client longer than most requests.
ssl.create_default_context = cache(ssl.create_default_context)
store_in_memory()
# How long one example takes says how busy the machine is; what examples are drawn first is chance.
settings.register_profile("hallmarket", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("hallmarket")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that `make check` uses."""
    parser.addoption("--unit", action="store_true", help="run only the tests that start no process")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --unit, keep only the tests that start no process."""
    if config.getoption("unit"):
        unit_tests = [item for item in items if is_unit_test(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(unit_tests)])
        items[:] = unit_tests


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server with no rate limits, shared by the whole run: make your own organization for counts."""
    with new_server() as running:
        yield running


@pytest.fixture
def member(server: Server) -> Member:
    """A new person with a key in a new organization of the shared server."""
    return server.new_member()


@pytest.fixture
def api(server: Server, member: Member) -> Iterator[httpx.Client]:
    """An HTTP client with the new member's key."""
    with server.client(member.key) as client:
        yield client
