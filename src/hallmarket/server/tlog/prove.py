"""Build proofs from the log's tiles: inclusion of an entry, and consistency between two sizes."""

from collections.abc import Iterable

from hallmarket.proof import tile
from hallmarket.proof.bundle import ProofFile
from hallmarket.proof.merkle import consistency_ranges, inclusion_ranges
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound

sql = load_queries(__package__)


async def prove_inclusion(connection: Connection, leaf_index: int, checkpoint_number: int) -> ProofFile:
    """Build the proof that the entry at `leaf_index` is included under a checkpoint.

    Raises NotFound if there is no such checkpoint, or if the entry is newer than the checkpoint.
    """
    checkpoint = await connection.fetchrow(sql.find_checkpoint, checkpoint_number)
    if checkpoint is None or leaf_index >= checkpoint["size"]:
        raise NotFound("The log has no such checkpoint or entry.")
    size = checkpoint["size"]
    tiles = await _fetch_tiles(connection, inclusion_ranges(leaf_index, size), size)
    hashes = tuple(tile.inclusion_proof(leaf_index, size, tiles))
    return ProofFile(index=leaf_index, hashes=hashes, note=checkpoint["note"], extra=None)


async def prove_consistency(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """Build the proof that the log at `old_size` is a prefix of the log at `new_size`. Both must be published sizes."""
    tiles = await _fetch_tiles(connection, consistency_ranges(old_size, new_size), new_size)
    return tile.consistency_proof(old_size, new_size, tiles)


async def get_entry(connection: Connection, leaf_index: int) -> bytes:
    """Return the entry at `leaf_index`. Raises NotFound if it is past the end of the log."""
    row = await connection.fetchrow(sql.find_bundle, leaf_index // tile.TILE_WIDTH)
    offset = leaf_index % tile.TILE_WIDTH
    if row is None or offset >= row["width"]:
        raise NotFound("The log has no such entry.")
    return tile.decode_bundle(row["entries"])[offset]


async def _fetch_tiles(connection: Connection, ranges: Iterable[tuple[int, int]], size: int) -> tile.Tiles:
    needed = tile.tiles_needed(ranges, size)
    rows = await connection.fetch(sql.find_tiles, [one.level for one in needed], [one.index for one in needed])
    return {(row["level"], row["index"]): row["hashes"] for row in rows}
