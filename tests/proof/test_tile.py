"""Tiles and entry bundles, against `vectors/tiles.json`."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest

from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import EMPTY_ROOT
from hallmarket.proof.tile import (
    BundlePath,
    Tile,
    consistency_proof,
    decode_bundle,
    encode_bundle,
    grow,
    inclusion_proof,
    parse_tile_path,
    range_hash,
    root_from_tiles,
    tiles_needed,
)

TREE = json.loads((Path(__file__).parents[2] / "vectors" / "tree.json").read_text(encoding="utf-8"))
SEVEN = [sha256(bytes([number])).digest() for number in range(7)]


@pytest.mark.vectors("tiles", "paths")
def test_paths(case):
    """A path is parsed into the tile that it names and written unchanged."""
    parsed = parse_tile_path(case["path"])
    assert parsed.path == case["path"]
    if case["kind"] == "entries":
        assert parsed == BundlePath(case["index"], case["width"])
        assert isinstance(parsed, BundlePath)
    else:
        assert parsed == Tile(case["level"], case["index"], case["width"])


@pytest.mark.vectors("tiles", "refused_paths")
def test_refused_paths(case):
    """A path that is not canonical, or names no tile, is refused."""
    with pytest.raises(ProofError, match="not the path of a tile"):
        parse_tile_path(case)


@pytest.mark.vectors("tiles", "widths")
def test_widths(case):
    """A log of a given size has these full and partial tiles, and no others."""
    size = case["size"]
    grown = grow(0, {}, [bytes(32)] * size)
    widths = {position: len(tile) // 32 for position, tile in grown.tiles.items()}
    expected = {}
    for level in case["levels"]:
        expected |= {(level["level"], index): 256 for index in range(level["full"])}
        expected |= {(level["level"], level["full"]): level["partial"]} if level["partial"] else {}
    assert widths == expected
    lowest = {position: width for position, width in expected.items() if position[0] == 0}
    needed = tiles_needed([(index, index + 1) for index in range(size)], size)
    assert {(tile.level, tile.index): tile.width for tile in needed} == lowest
    assert grown.edge == {level: tile for (level, _), tile in grown.tiles.items() if len(tile) < 256 * 32}


@pytest.mark.vectors("tiles", "bundles")
def test_bundles(case):
    """An entry bundle is the length (u16be) and the bytes of each entry."""
    entries = [entry.encode() for entry in case["entries"]]
    assert encode_bundle(entries) == bytes.fromhex(case["data_hex"])
    assert decode_bundle(bytes.fromhex(case["data_hex"])) == entries


@pytest.mark.vectors("tiles", "refused_bundles")
def test_refused_bundles(case):
    """An entry bundle that is truncated or too long is refused."""
    with pytest.raises(ProofError):
        decode_bundle(bytes.fromhex(case["data_hex"]))


def test_bundle_limits():
    """An entry bundle holds up to 256 entries of up to 65,535 bytes."""
    assert decode_bundle(encode_bundle([b"x" * 65_535] * 256)) == [b"x" * 65_535] * 256
    with pytest.raises(ProofError, match="65535 bytes"):
        encode_bundle([b"x" * 65_536])
    with pytest.raises(ProofError, match="256 entries"):
        encode_bundle([b""] * 257)


def test_proofs_of_the_test_log():
    """The test log's tiles give the published roots and proofs."""
    tiles = grow(0, {}, [bytes.fromhex(leaf) for leaf in hexadecimal(TREE["leaves_base64"])]).tiles
    for size, root in enumerate(hexadecimal(TREE["roots_base64"])):
        assert root_from_tiles(size, tiles).hex() == root
    for case in TREE["inclusion"]:
        proof = inclusion_proof(case["index"], case["size"], tiles)
        assert [one.hex() for one in proof] == hexadecimal(case["proof_base64"])
    for case in TREE["consistency"]:
        proof = consistency_proof(case["old_size"], case["new_size"], tiles)
        assert [one.hex() for one in proof] == hexadecimal(case["proof_base64"])


def hexadecimal(texts):
    """Return base64 texts as hexadecimal, which is easier to compare."""
    return [b64decode(text).hex() for text in texts]


def test_growing_by_nothing():
    """Growing by no leaves changes nothing."""
    assert grow(0, {}, []) == (0, EMPTY_ROOT, {}, {})
    seven = grow(0, {}, SEVEN)
    assert grow(7, seven.edge, []) == (7, seven.root, {}, seven.edge)


def test_growing_leaves_its_arguments_alone():
    """`grow` does not change its arguments, so it can be called again after a failed commit."""
    edge = {0: b"".join(SEVEN)}
    grow(7, edge, SEVEN)
    assert edge == {0: b"".join(SEVEN)}


@pytest.mark.parametrize(
    ("size", "edge"),
    [
        pytest.param(7, {}, id="no tile"),
        pytest.param(0, {0: bytes(32)}, id="a tile too many"),
        pytest.param(7, {0: bytes(6 * 32)}, id="too narrow"),
        pytest.param(7, {0: bytes(8 * 32)}, id="too wide"),
        pytest.param(7, {0: bytes(7 * 32 + 1)}, id="part of a hash"),
        pytest.param(7, {0: bytes(7 * 32), 1: bytes(32)}, id="a level too many"),
        pytest.param(256, {1: b""}, id="an empty tile"),
        pytest.param(256, {0: bytes(256 * 32)}, id="a full tile"),
        pytest.param(-1, {}, id="a negative size"),
    ],
)
def test_growing_from_a_wrong_edge(size, edge):
    """A log never grows from partial tiles that are not its own."""
    with pytest.raises(ProofError, match="do not belong"):
        grow(size, edge, SEVEN)


def test_growing_by_wrong_leaves():
    """A leaf has 32 bytes, even if two wrong ones have 64 bytes together."""
    with pytest.raises(ProofError, match="32 bytes"):
        grow(0, {}, [bytes(31), bytes(33)])


def test_missing_tiles():
    """The error names the tile that is missing or too narrow."""
    with pytest.raises(ProofError, match="Tile 0 of level 0 is missing or too narrow"):
        root_from_tiles(7, {})
    with pytest.raises(ProofError, match="Tile 0 of level 0 is missing or too narrow"):
        root_from_tiles(7, {(0, 0): b"".join(SEVEN)[:-1]})
    with pytest.raises(ProofError, match="Tile 1 of level 1 is missing"):
        range_hash(65_536, 65_536 + 256, {})


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 0), (1, 3), (2, 5), (-1, 0), (3, 5)])
def test_ranges_that_are_not_subtrees(low, high):
    """Only subtrees of RFC 6962 have a hash."""
    with pytest.raises(ProofError, match="subtree"):
        range_hash(low, high, {(0, 0): bytes(256 * 32)})


def test_ranges_outside_the_log():
    """A range that ends after the log has no tiles."""
    with pytest.raises(ProofError, match="no range up to 8"):
        tiles_needed([(0, 8)], 7)
