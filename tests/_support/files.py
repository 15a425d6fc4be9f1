"""Create files through the HTTP API."""

import base64
import os
from typing import Any

from _support.organizations import User


def upload_bytes(person: User, content: bytes, file_name: str = "a.bin", **fields: Any) -> Any:
    """Upload bytes inside JSON and return the response's data."""
    body = {"file_name": file_name, "file_base64": base64.b64encode(content).decode(), **fields}
    return person.call("POST", "/files/upload", json=body)


def make_file(person: User, content: bytes | None = None, file_name: str = "a.bin", **fields: Any) -> Any:
    """Create a file and return it; its content is random unless given."""
    uploaded = upload_bytes(person, os.urandom(99) if content is None else content, file_name)
    return person.call("POST", "/files/create", json={"file": {"id": uploaded["id"], "name": file_name, **fields}})
