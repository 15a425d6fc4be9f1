"""What a server keeps in its own folder, without the thumbnails that come of it in the background."""

import hashlib
from pathlib import Path

from support import Server

THUMBNAILS = "content_type is not distinct from 'image/webp'"


def stored(server: Server) -> dict[str, Path]:
    """The objects in the server's own store, by their SHA3-512."""
    found = [path for path in (server.data / "blobs").rglob("*") if path.is_file() and "#" not in path.name]
    rows = server.query(f"select replace(id::text, '-', '') as name from blob where {THUMBNAILS}")
    drawn = {row["name"] for row in rows}
    return {hashlib.sha3_512(path.read_bytes()).hexdigest(): path for path in found if path.name not in drawn}


def unkept(server: Server) -> int:
    """How many rows wait for an upload to end."""
    waiting = f"not kept and released_on is null and not ({THUMBNAILS})"
    return int(server.query(f"select count(*) from blob where {waiting}")[0][0])
