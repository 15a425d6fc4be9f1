"""Anchor media through the HTTP API and wait for the sequencer."""

import gzip
import hashlib
import secrets
from typing import Any

import httpx
import msgspec

from _support.servers import Server
from _support.waiting import wait_until

ANCHOR = "/v1/media/anchor"
BATCH = "/v1/media/anchor/batch"
CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4


def random_hash() -> str:
    """Return a random SHA3-512, in lower-case hex."""
    return hashlib.sha3_512(secrets.token_bytes(16)).hexdigest()


def request_anchor(api: httpx.Client, **fields: object) -> httpx.Response:
    """Post one anchor request as JSON; the hash is random and the size 12 unless given."""
    return api.post(ANCHOR, json={"hash": random_hash(), "size": 12, **fields})


def anchor(api: httpx.Client, **fields: object) -> str:
    """Anchor one item and return its id."""
    response = request_anchor(api, **fields)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def get_item(api: httpx.Client, item_id: str) -> dict[str, Any]:
    """Return one item as its owner sees it."""
    response = api.get(f"/v1/media/{item_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def wait_for_status(api: httpx.Client, item_id: str, status: int = ANCHORED) -> dict[str, Any]:
    """Wait until an item has this status and return it."""
    found: dict[str, Any] = wait_until(lambda: (item := get_item(api, item_id))["status"] == status and item)
    return found


def anchor_and_wait(api: httpx.Client, **fields: object) -> dict[str, Any]:
    """Anchor one item, wait until the log contains it, and return it."""
    return wait_for_status(api, anchor(api, **fields))


def set_status(server: Server, item_id: str, status: int, *, has_bytes: bool = False) -> None:
    """Reset an anchored item to created or failed in the database, as if the log had never contained it."""
    server.query(
        "update media set status = $2, has_bytes = $3, leaf_index = null, leaf_hash = null, checkpoint_number = null"
        " where id = $1",
        item_id,
        status,
        has_bytes,
    )


def to_ndjson(*items: object) -> bytes:
    """Encode items as NDJSON, the body of a batch."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def post_batch(api: httpx.Client, body: bytes, *, packed: bool = False) -> httpx.Response:
    """Post a batch, gzip-compressed if `packed`."""
    headers = {"content-type": "application/x-ndjson"}
    if packed:
        body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
    return api.post(BATCH, content=body, headers=headers, timeout=120)


def read_batch_results(response: httpx.Response) -> list[dict[str, Any]]:
    """Check that a batch succeeded and decode its results, one per line."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]
