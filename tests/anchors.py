"""Anchoring in the tests: short ways to anchor, and to wait for what the sequencer makes of it."""

import gzip
from typing import Any

import httpx
import msgspec

from support import Server, random_hash, wait_until

ANCHOR = "/v1/media/anchor"
BATCH = "/v1/media/anchor/batch"
CREATED, ACCEPTED, ANCHORED, FAILED = 1, 2, 3, 4


def post(api: httpx.Client, **fields: object) -> httpx.Response:
    """The answer to one anchor request as JSON; a new hash and a size unless given."""
    return api.post(ANCHOR, json={"hash": random_hash(), "size": 12, **fields})


def anchor(api: httpx.Client, **fields: object) -> str:
    """The id of a newly accepted item."""
    response = post(api, **fields)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def get_item(api: httpx.Client, item_id: str) -> dict[str, Any]:
    """One item as its owner sees it."""
    response = api.get(f"/v1/media/{item_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def wait_for(api: httpx.Client, item_id: str, status: int = ANCHORED) -> dict[str, Any]:
    """The item, once it has this status."""
    found: dict[str, Any] = wait_until(lambda: (item := get_item(api, item_id))["status"] == status and item)
    return found


def anchored(api: httpx.Client, **fields: object) -> dict[str, Any]:
    """A new item, once it stands in the log."""
    return wait_for(api, anchor(api, **fields))


def set_status(server: Server, item_id: str, status: int, *, has_bytes: bool = False) -> None:
    """Make an anchored item one that is created or failed, as if the log had never entered it."""
    server.query(
        "update media set status = $2, has_bytes = $3, leaf_index = null, leaf_hash = null, checkpoint_number = null"
        " where id = $1",
        item_id,
        status,
        has_bytes,
    )


def lines_of(*items: object) -> bytes:
    """A batch of these, as NDJSON."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def post_batch(api: httpx.Client, body: bytes, *, packed: bool = False) -> httpx.Response:
    """The answer to a batch."""
    headers = {"content-type": "application/x-ndjson"}
    if packed:
        body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
    return api.post(BATCH, content=body, headers=headers, timeout=120)


def answers_of(response: httpx.Response) -> list[dict[str, Any]]:
    """A batch's answers, line by line."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]
