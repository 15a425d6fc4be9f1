"""Prove what the log says, out of its tiles: that an entry is in it, and that it only ever grew."""

from collections.abc import Iterable

from hallmarket.proof import tile
from hallmarket.proof.bundle import ProofFile
from hallmarket.proof.merkle import consistency_ranges, inclusion_ranges
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound

sql = load_queries(__package__)


async def prove_inclusion(connection: Connection, leaf_index: int, checkpoint_number: int) -> ProofFile:
    """The proof that entry `leaf_index` is under a checkpoint. Raises NotFound if there is no such checkpoint."""
    checkpoint = await connection.fetchrow(sql.find_checkpoint, checkpoint_number)
    if checkpoint is None or leaf_index >= checkpoint["size"]:
        raise NotFound("The log has no such checkpoint or entry.")
    size = checkpoint["size"]
    tiles = await _fetch_tiles(connection, inclusion_ranges(leaf_index, size), size)
    hashes = tuple(tile.inclusion_proof(leaf_index, size, tiles))
    return ProofFile(index=leaf_index, hashes=hashes, note=checkpoint["note"], extra=None)


async def prove_consistency(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """The proof that the log at `old_size` is a prefix of the log at `new_size`; both have been published."""
    tiles = await _fetch_tiles(connection, consistency_ranges(old_size, new_size), new_size)
    return tile.consistency_proof(old_size, new_size, tiles)


async def get_entry(connection: Connection, leaf_index: int) -> bytes:
    """The entry at `leaf_index`. Raises NotFound past the log's end."""
    row = await connection.fetchrow(sql.find_bundle, leaf_index // tile.TILE_WIDTH)
    place = leaf_index % tile.TILE_WIDTH
    if row is None or place >= row["width"]:
        raise NotFound("The log has no such entry.")
    return tile.decode_bundle(row["entries"])[place]


async def _fetch_tiles(connection: Connection, ranges: Iterable[tuple[int, int]], size: int) -> tile.Tiles:
    needed = tile.tiles_needed(ranges, size)
    rows = await connection.fetch(sql.find_tiles, [one.level for one in needed], [one.index for one in needed])
    return {(row["level"], row["index"]): row["hashes"] for row in rows}
