"""Read a server's log file, and check it for errors."""

import json
from typing import Any

from _support.servers import Server

ERROR_MARKS = ("request failed", "Traceback", "exception")


def read_log(server: Server) -> list[dict[str, Any]]:
    """Parse every complete line of the server's log as JSON; a line that is being written is left out."""
    complete, _, _ = server.log.read_text().rpartition("\n")
    return [json.loads(line) for line in complete.splitlines()]


def assert_no_errors_logged(server: Server) -> None:
    """Assert that the server's log reports no failed request and no traceback."""
    errors = [line for line in server.log.read_text().splitlines() if any(mark in line for mark in ERROR_MARKS)]
    assert not errors, errors[:3]
