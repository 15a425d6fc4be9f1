"""Files for tests that are about something else: made as anybody makes them, in three requests."""

import base64
import os
from typing import Any

from circle import Someone


def send(who: Someone, content: bytes, file_name: str = "a.bin", **fields: Any) -> Any:
    """What is told of bytes that were sent inside JSON."""
    body = {"file_name": file_name, "file_base64": base64.b64encode(content).decode(), **fields}
    return who.ask("POST", "/files/upload", json=body)


def make_file(who: Someone, content: bytes | None = None, file_name: str = "a.bin", **fields: Any) -> Any:
    """A new file of theirs, of random bytes unless they are given."""
    sent = send(who, os.urandom(99) if content is None else content, file_name)
    return who.ask("POST", "/files/create", json={"file": {"id": sent["id"], "name": file_name, **fields}})
