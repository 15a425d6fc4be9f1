"""`/log/checkpoint` and `/log/tile/…`: the whole log as static bytes, exactly as tlog-tiles specifies."""

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import httpx
import pytest

from _support.anchoring import post_batch, random_hash, read_batch_results, to_ndjson
from _support.responses import assert_exchange_error
from _support.servers import new_server
from _support.waiting import wait_until
from hallmarket.proof.checkpoint import Checkpoint, open_checkpoint
from hallmarket.proof.entry import MediaEntry, decode_entry
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.merkle import EMPTY_ROOT, consistency_ranges, leaf_hash, root_of, verify_consistency
from hallmarket.proof.tile import (
    BundlePath,
    Tile,
    consistency_proof,
    decode_bundle,
    parse_tile_path,
    range_hash,
    root_from_tiles,
    tiles_needed,
)

BATCHES = (1, 254, 1, 1, 300, 700)
SIZE = sum(BATCHES)
FULL, PARTIAL = divmod(SIZE, 256)


class Log(NamedTuple):
    """A published log: its key, checkpoints, the items' ids in order, and the tile statuses of the empty log."""

    anonymous: httpx.Client
    key: VerifierKey
    checkpoints: list[Checkpoint]
    ids: list[str]
    statuses_when_empty: dict[str, int]

    def get(self, path: str) -> bytes:
        """Fetch a path of the log, which must exist."""
        response = self.anonymous.get(f"/log/{path}")
        assert response.status_code == 200, response.text
        return response.content

    def entries(self) -> list[bytes]:
        """Fetch every entry from the bundles."""
        paths = [BundlePath(index, 256) for index in range(FULL)] + [BundlePath(FULL, PARTIAL)]
        return [entry for path in paths for entry in decode_bundle(self.get(path.path))]


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    """A log grown in batches that end just before, at and after the end of a tile."""
    with new_server(checkpoint_interval_ms=10) as server, server.client() as api, server.client("") as anonymous:
        key = VerifierKey.parse(anonymous.get("/log/key").text.strip())
        checkpoints = [read_checkpoint(anonymous, key)]
        ids: list[str] = []
        paths = ("tile/0/000", "tile/0/000.p/1", "tile/entries/000", "tile/entries/000.p/1")
        statuses_when_empty = {path: anonymous.get(f"/log/{path}").status_code for path in paths}
        for count in BATCHES:
            items = [{"hash": random_hash(), "size": number} for number in range(count)]
            ids += [answer["id"] for answer in read_batch_results(post_batch(api, to_ndjson(*items)))]
            checkpoints.append(wait_until(partial(find_checkpoint, anonymous, key, len(ids))))
        yield Log(anonymous, key, checkpoints, ids, statuses_when_empty)


def read_checkpoint(anonymous: httpx.Client, key: VerifierKey) -> Checkpoint:
    """Fetch the newest checkpoint and verify its signature."""
    return open_checkpoint(anonymous.get("/log/checkpoint").content, key)


def find_checkpoint(anonymous: httpx.Client, key: VerifierKey, size: int) -> Checkpoint | None:
    """Fetch the newest checkpoint; None if it does not have this size."""
    newest = read_checkpoint(anonymous, key)
    return newest if newest.size == size else None


def test_new_log_is_empty_and_signed(log: Log) -> None:
    """A new log has a signed checkpoint of size 0 with the empty tree's root."""
    first = log.checkpoints[0]
    assert (first.origin, first.size, first.root) == (log.key.name, 0, EMPTY_ROOT)


def test_checkpoint_is_text_and_short_lived(log: Log) -> None:
    """The checkpoint is `text/plain; charset=utf-8`, cached for seconds only, and readable by any web page."""
    response = log.anonymous.get("/log/checkpoint")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    seconds = re.fullmatch(r"public, max-age=(\d+)", response.headers["cache-control"])
    assert seconds is not None
    assert int(seconds[1]) <= 5
    assert response.headers["access-control-allow-origin"] == "*"
    origin, size, root, empty, signature = response.text.split("\n")[:5]
    assert (origin, size, empty) == (log.key.name, str(SIZE), "")
    assert len(root) == 44
    assert signature.startswith(f"\u2014 {log.key.name} ")


def test_whole_log_is_rebuilt_from_its_bundles(log: Log) -> None:
    """The hashed entries of all bundles give the root of every checkpoint."""
    entries = log.entries()
    leaves = [leaf_hash(entry) for entry in entries]
    assert log.checkpoints[-1].size == SIZE == len(entries)
    for checkpoint in log.checkpoints:
        assert root_of(leaves[: checkpoint.size]) == checkpoint.root
    decoded = [decode_entry(entry) for entry in entries]
    assert [entry.id for entry in decoded if isinstance(entry, MediaEntry)] == log.ids


def test_whole_log_is_rebuilt_from_its_tiles(log: Log) -> None:
    """Level 0 tiles hold the leaves, level 1 tiles the roots of full tiles, and together they give the log's root."""
    leaves = [leaf_hash(entry) for entry in log.entries()]
    tiles: dict[tuple[int, int], bytes] = {}
    for index in range(FULL + 1):
        width = 256 if index < FULL else PARTIAL
        tiles[0, index] = log.get(Tile(0, index, width).path)
        assert tiles[0, index] == b"".join(leaves[256 * index : 256 * index + width])
    tiles[1, 0] = log.get(Tile(1, 0, FULL).path)
    assert tiles[1, 0] == b"".join(root_of(leaves[256 * index : 256 * index + 256]) for index in range(FULL))
    assert root_from_tiles(SIZE, tiles) == log.checkpoints[-1].root


def test_every_checkpoint_is_a_prefix_of_every_later_one(log: Log) -> None:
    """The published tiles prove any two published checkpoints consistent."""
    for number, new in enumerate(log.checkpoints):
        for old in log.checkpoints[1:number]:
            needed = tiles_needed(consistency_ranges(old.size, new.size), new.size)
            tiles = {(tile.level, tile.index): log.get(tile.path) for tile in needed}
            proof = consistency_proof(old.size, new.size, tiles)
            verify_consistency(old.size, old.root, new.size, new.root, proof)
            assert range_hash(0, 1, tiles | {(0, 0): log.get("tile/0/000")}) == log.get("tile/0/000")[:32]


@pytest.mark.parametrize("kind", ["0", "entries"])
def test_partial_tiles_are_prefixes_of_the_full(log: Log, kind: str) -> None:
    """Every partial tile and bundle is served, even after the full one exists."""
    for index, max_width in ((0, 256), (FULL, PARTIAL)):
        whole = log.get(f"tile/{kind}/{index:03}" + ("" if max_width == 256 else f".p/{max_width}"))
        for width in {1, 2, 17, PARTIAL, min(max_width, 255)}:
            part = log.get(f"tile/{kind}/{index:03}.p/{width}")
            assert whole.startswith(part)
            count = len(part) // 32 if kind == "0" else len(decode_bundle(part))
            assert count == width


def test_tiles_are_immutable_bytes(log: Log) -> None:
    """Tiles and bundles are octet streams, immutable, readable by any web page; HEAD has no body."""
    for path in ("tile/0/000", f"tile/0/{FULL:03}.p/{PARTIAL}", f"tile/1/000.p/{FULL}", "tile/entries/000"):
        response = log.anonymous.get(f"/log/{path}")
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["access-control-allow-origin"] == "*"
        assert int(response.headers["content-length"]) == len(response.content)
        only_head = log.anonymous.head(f"/log/{path}")
        assert (only_head.status_code, only_head.content) == (200, b"")
    assert len(log.get("tile/0/000")) == 8192


BAD = {
    "not there yet": f"tile/0/{FULL:03}",
    "wider than the log": f"tile/0/{FULL:03}.p/{PARTIAL + 1}",
    "bundle not there yet": f"tile/entries/{FULL:03}",
    "bundle wider than the log": f"tile/entries/{FULL:03}.p/{PARTIAL + 1}",
    "next": f"tile/0/{FULL + 1:03}.p/1",
    "empty level": "tile/2/000.p/1",
    "beyond all logs": "tile/0/x999/x999/x999/x999/x999/999",
    "level 64": "tile/64/000",
    "level negative": "tile/-1/000",
    "level with a zero": "tile/00/000",
    "level in words": "tile/zero/000",
    "no index": "tile/0",
    "nothing": "tile",
    "short index": "tile/0/0",
    "long index": "tile/0/0000",
    "redundant group": "tile/0/x000/000",
    "group without x": "tile/0/001/000",
    "last group with x": "tile/0/x000",
    "index negative": "tile/0/-01",
    "width 0": "tile/0/000.p/0",
    "width 256": "tile/0/000.p/256",
    "width with a zero": "tile/0/000.p/01",
    "width missing": "tile/0/000.p",
    "width in words": "tile/0/000.p/one",
    "huge width": "tile/0/000.p/" + "9" * 5000,
    "Arabic digits": "tile/0/%D9%A0%D9%A0%D9%A0",
    "line feed": "tile/0/000%0a",
    "NUL": "tile/0/000%00",
    "invalid UTF-8": "tile/0/%ff",
    "path traversal": "tile/0/%2e%2e/%2e%2e/checkpoint",
    "trailing segment": "tile/0/000/x",
    "upper case": "tile/ENTRIES/000",
}


@pytest.mark.parametrize("path", BAD.values(), ids=BAD.keys())
def test_bad_tile_is_not_found(log: Log, path: str) -> None:
    """A malformed tile path, or a tile that does not exist yet, is a 404 that no cache stores."""
    response = log.anonymous.get(f"/log/{path}")
    assert_exchange_error(response, 404, "not_found")
    assert response.headers["cache-control"] == "no-store"


def test_tile_path_has_one_spelling(log: Log) -> None:
    """Parsing and printing the path of a served tile gives the same path."""
    for path in ("tile/0/000", f"tile/1/000.p/{FULL}", "tile/entries/000"):
        assert parse_tile_path(path).path == path
        assert log.get(path)


def test_empty_log_has_no_tiles(log: Log) -> None:
    """A log without entries serves no tiles."""
    assert set(log.statuses_when_empty.values()) == {404}
    assert len(log.statuses_when_empty) == 4
