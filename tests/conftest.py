"""Options and fixtures of all tests: one server is shared by all tests that do not disturb each other."""

import os
import ssl
from collections.abc import Iterator
from functools import cache

import httpx
import pytest

from _support import long_run
from _support.databases import store_in_memory
from _support.members import Member
from _support.servers import Server, new_server
from _support.unit_tests import is_unit_test

# Our servers speak plain HTTP. Loading the system's certificates takes a new client longer than most requests.
ssl.create_default_context = cache(ssl.create_default_context)
store_in_memory()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make check` and `make test-long`."""
    parser.addoption("--unit", action="store_true", help="run only the tests that start no process")
    parser.addoption("--long", action="store_true", help="run the full counts of rounds, mutants and rows")


def pytest_configure(config: pytest.Config) -> None:
    """Set the length of the run before any test module is imported."""
    if config.getoption("long"):
        os.environ[long_run.LONG] = "1"
    long_run.load_hypothesis_profile()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --unit, keep only the tests that start no process."""
    if config.getoption("unit"):
        unit_tests = [item for item in items if is_unit_test(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(unit_tests)])
        items[:] = unit_tests


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server without rate limits, shared by the whole run: create an organization if you count things."""
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
