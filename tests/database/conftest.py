"""Fixtures for the database tests: empty databases on the shared server's PostgreSQL."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from _support.servers import Server


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """The URL of a new, empty database on the shared server's PostgreSQL."""
    name = f"empty_{secrets.token_hex(6)}"
    server.query(f"create database {name}")
    try:
        yield urlunsplit(urlsplit(server.postgres_url)._replace(path=f"/{name}"))
    finally:
        server.query(f"drop database {name} with (force)")
