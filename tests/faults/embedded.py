"""Servers on the embedded PostgreSQL, even if the other tests run on the database of HALLMARKET_DATABASE_URL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _support.databases import copy_empty_cluster
from _support.servers import Server
from hallmarket.server.database.embedded import EmbeddedPostgres

NO_LIMITS = {"rate_limit_key": 0, "rate_limit_address": 0, "rate_limit_failed": 0}


@contextmanager
def new_embedded_server(data: Path | None = None, *, start: bool = True, **settings: object) -> Iterator[Server]:
    """Run a server on a new data folder, or on `data`; stop it and its PostgreSQL at the end, however it ended."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-test-") as folder:
        server = Server(data or Path(folder) / "data", new_interpreter=True, **{**NO_LIMITS, **settings})
        server.log = Path(folder) / "server.log"
        if start and not server.data.exists():
            copy_empty_cluster(server.data)
        try:
            yield server.start() if start else server
        finally:
            if server.running:
                server.stop()
            EmbeddedPostgres(server.data).stop()
