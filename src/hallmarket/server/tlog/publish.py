"""Publish the log as the C2SP specification tlog-tiles defines: checkpoint, tiles and entry bundles."""

from hallmarket.proof.errors import ProofError
from hallmarket.proof.tile import TILE_WIDTH, BundlePath, decode_bundle, encode_bundle, parse_tile_path
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound

sql = load_queries(__package__)

MAX_INDEX = 2**55  # leaf indexes are 63-bit integers, and a tile covers 2^8 of them


async def get_checkpoint(database: Database) -> str:
    """Return the newest checkpoint as a signed note. Raises Unavailable."""
    async with database.connection() as connection:
        head = await connection.fetchrow(sql.find_head)
    assert head is not None
    note = head["note"]
    assert isinstance(note, str)
    return note


async def get_tile(database: Database, path: str) -> bytes:
    """Return the tile or entry bundle at `tile/…`.

    Raises NotFound if the path is malformed or the log is not that large yet, and Unavailable.
    """
    try:
        requested = parse_tile_path(path)
    except ProofError as error:
        raise NotFound(str(error)) from None
    if requested.index >= MAX_INDEX:
        raise NotFound("The log is not that large yet.")
    async with database.connection() as connection:
        if not isinstance(requested, BundlePath):
            tile = await connection.fetchval(sql.find_tile, requested.level, requested.index, requested.width)
            if tile is None:
                raise NotFound("The log does not have this tile yet.")
            return bytes(tile)
        bundle = await connection.fetchrow(sql.find_bundle, requested.index)
    if bundle is None or bundle["width"] < requested.width:
        raise NotFound("The log does not have this entry bundle yet.")
    if requested.width == TILE_WIDTH:
        return bytes(bundle["entries"])
    return encode_bundle(decode_bundle(bundle["entries"])[: requested.width])
