"""Servers on the embedded PostgreSQL, whichever database the rest of the tests is run on."""

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
    """A server on a new data folder, or on `data`; stopped at the end, and PostgreSQL too, whatever happened."""
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
