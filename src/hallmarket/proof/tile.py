"""Tiles and entry bundles of c2sp.org/tlog-tiles: paths, encoding, proofs from tiles, and growth."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hallmarket.proof.errors import ProofError
from hallmarket.proof.merkle import EMPTY_ROOT, consistency_ranges, inclusion_ranges, node_hash, root_of
from hallmarket.proof.strict import HASH_BYTES

TILE_WIDTH = 256
TILE_HEIGHT = 8
FULL_TILE_BYTES = TILE_WIDTH * HASH_BYTES
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 65_535

Tiles = Mapping[tuple[int, int], bytes]
"""(level, index) -> concatenated 32-byte hashes; of a tile that is wider than needed only the beginning is used."""

# Six groups suffice for the last tile of 2^63 entries.
_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Tile(NamedTuple):
    """A tile: its level from 0 to 63, its index on that level and its width from 1 to 256 hashes."""

    level: int
    index: int  # type: ignore[assignment]  # replaces the tuple's method of this name
    width: int

    @property
    def path(self) -> str:
        """The tile's path under the log's prefix, such as `tile/0/x001/x234/067` or `tile/3/000.p/17`."""
        return f"tile/{self.level}/{_numbered(self.index, self.width)}"


class BundlePath(NamedTuple):
    """An entry bundle: its index and its width from 1 to 256 entries."""

    index: int  # type: ignore[assignment]  # as above
    width: int

    @property
    def path(self) -> str:
        """The bundle's path under the log's prefix, such as `tile/entries/x001/x234/067.p/17`."""
        return f"tile/entries/{_numbered(self.index, self.width)}"


def _numbered(index: int, width: int) -> str:
    *upper, last = (group.zfill(3) for group in f"{index:,}".split(","))
    number = "/".join([f"x{group}" for group in upper] + [last])
    return number if width == TILE_WIDTH else f"{number}.p/{width}"


def parse_tile_path(path: str) -> Tile | BundlePath:
    """Read the path of a tile or entry bundle, which has exactly one encoding; raises ProofError."""
    found = _PATH.fullmatch(path)
    if not found:
        raise ProofError("This is not the path of a tile.")
    kind, number, partial = found.groups()
    index, width = int(re.sub("[x/]", "", number)), int(partial or TILE_WIDTH)
    parsed = BundlePath(index, width) if kind == "entries" else Tile(int(kind), index, width)
    # Writing it again detects needless groups (`x000/001`), leading zeros (`tile/00`) and a partial tile of width 256.
    if parsed.path != path or width > TILE_WIDTH or (isinstance(parsed, Tile) and parsed.level > MAX_LEVEL):
        raise ProofError("This is not the path of a tile.")
    return parsed


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Encode up to 256 entries of at most 65,535 bytes as an entry bundle: u16be length ‖ entry, for each of them."""
    if len(entries) > TILE_WIDTH:
        raise ProofError(f"An entry bundle holds at most {TILE_WIDTH} entries.")
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ProofError(f"An entry has at most {MAX_ENTRY_BYTES} bytes.")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_bundle(data: bytes) -> list[bytes]:
    """Decode an entry bundle; raises ProofError if it is truncated or has more than 256 entries."""
    entries, start = [], 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        if start + 2 > len(data) or end > len(data):
            raise ProofError("The entry bundle is truncated.")
        entries.append(data[start + 2 : end])
        start = end
    if len(entries) > TILE_WIDTH:
        raise ProofError(f"An entry bundle holds at most {TILE_WIDTH} entries.")
    return entries


def tiles_needed(ranges: Iterable[tuple[int, int]], size: int) -> list[Tile]:
    """Return the tiles that hold the hashes of these leaf ranges, each once, as wide as it is at `size` entries."""
    needed: dict[Tile, None] = {}
    for low, high in ranges:
        if high > size:
            raise ProofError(f"A log of {size} entries has no range up to {high}.")
        for level, first, _ in _rows(low, high):
            index = first // TILE_WIDTH
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
            needed[Tile(level, index, width)] = None
    return list(needed)


def range_hash(low: int, high: int, tiles: Tiles) -> bytes:
    """Return the hash of the subtree over entries low to high (half-open), computed from tiles; raises ProofError."""
    roots = [root_of(_row_hashes(tiles, *row)) for row in _rows(low, high)]
    result = roots.pop()
    while roots:
        result = node_hash(roots.pop(), result)
    return result


def _rows(low: int, high: int) -> Iterator[tuple[int, int, int]]:
    # Split a subtree into perfect subtrees, widest first, each a row of up to 128 hashes in one tile. Yields the tile's
    # level, the index of the row's first hash on that level, and the number of hashes.
    if not 0 <= low < high or low & ((1 << (high - low - 1).bit_length()) - 1):
        raise ProofError(f"No Merkle tree has a subtree over entries {low} to {high}.")
    while low < high:
        height = (high - low).bit_length() - 1
        level, rest = divmod(height, TILE_HEIGHT)
        yield level, low >> TILE_HEIGHT * level, 1 << rest
        low += 1 << height


def _row_hashes(tiles: Tiles, level: int, first: int, count: int) -> list[bytes]:
    index, offset = divmod(first, TILE_WIDTH)
    row = tiles.get((level, index), b"")[offset * HASH_BYTES : (offset + count) * HASH_BYTES]
    if len(row) != count * HASH_BYTES:
        raise ProofError(f"Tile {index} of level {level} is missing or too narrow.")
    return _hashes(row)


def _hashes(data: bytes) -> list[bytes]:
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def inclusion_proof(index: int, size: int, tiles: Tiles) -> list[bytes]:
    """Return the inclusion proof of an entry in the tree of `size` entries; raises ProofError if a tile is missing."""
    return [range_hash(low, high, tiles) for low, high in inclusion_ranges(index, size)]


def consistency_proof(old_size: int, new_size: int, tiles: Tiles) -> list[bytes]:
    """Return the consistency proof between two sizes; raises ProofError if a tile is missing."""
    return [range_hash(low, high, tiles) for low, high in consistency_ranges(old_size, new_size)]


def root_from_tiles(size: int, tiles: Tiles) -> bytes:
    """Return the root of the tree of `size` entries; raises ProofError if a tile is missing."""
    return range_hash(0, size, tiles) if size else EMPTY_ROOT


class Growth(NamedTuple):
    """A log after growing: its size and root, every new or widened tile, and the partial tile of each level."""

    size: int
    root: bytes
    tiles: dict[tuple[int, int], bytes]
    edge: dict[int, bytes]


def grow(size: int, edge: Mapping[int, bytes], leaves: Sequence[bytes]) -> Growth:
    """Append leaves to a log of `size` entries whose partial tiles are `edge` (level -> hashes, absent when empty)."""
    _check_edge(size, edge)
    if set(map(len, leaves)) - {HASH_BYTES}:
        raise ProofError(f"Every leaf must have {HASH_BYTES} bytes.")
    tiles: dict[tuple[int, int], bytes] = {}
    grown, level, fresh = dict(edge), 0, list(leaves)
    while fresh:
        index = size >> TILE_HEIGHT * (level + 1)
        row = grown.pop(level, b"") + b"".join(fresh)
        fresh = []
        for tile in (row[start : start + FULL_TILE_BYTES] for start in range(0, len(row), FULL_TILE_BYTES)):
            tiles[level, index] = tile
            index += 1
            # Only a full tile has a hash on the level above; a partial one may still change.
            if len(tile) == FULL_TILE_BYTES:
                fresh.append(root_of(_hashes(tile)))
            else:
                grown[level] = tile
        level += 1
    return Growth(size + len(leaves), _edge_root(grown), tiles, grown)


def _check_edge(size: int, edge: Mapping[int, bytes]) -> None:
    widths = {level: size >> TILE_HEIGHT * level & 0xFF for level in range(TILE_HEIGHT + 1)}
    expected = {level: width * HASH_BYTES for level, width in widths.items() if width}
    if size < 0 or {level: len(tile) for level, tile in edge.items()} != expected:
        raise ProofError(f"These partial tiles do not belong to a log of {size} entries.")


def _edge_root(edge: Mapping[int, bytes]) -> bytes:
    # From the lowest level up: everything to the right of a level's hashes is its last, smaller subtree.
    root: list[bytes] = []
    for level in sorted(edge):
        root = [root_of(_hashes(edge[level]) + root)]
    return root_of(root)
