"""The objects in a server's own store, without the thumbnails that a background job adds."""

import hashlib
from pathlib import Path

from _support.servers import Server

THUMBNAILS = "content_type is not distinct from 'image/webp'"


def find_stored_objects(server: Server) -> dict[str, Path]:
    """Return the paths of the objects in the server's data folder by their SHA3-512."""
    found = [path for path in (server.data / "blobs").rglob("*") if path.is_file() and "#" not in path.name]
    rows = server.query(f"select replace(id::text, '-', '') as name from blob where {THUMBNAILS}")
    drawn = {row["name"] for row in rows}
    return {hashlib.sha3_512(path.read_bytes()).hexdigest(): path for path in found if path.name not in drawn}


def count_unfinished_uploads(server: Server) -> int:
    """Count the rows in `blob` whose upload has not ended."""
    waiting = f"not kept and released_on is null and not ({THUMBNAILS})"
    return int(server.query(f"select count(*) from blob where {waiting}")[0][0])
