"""Publish the log as the C2SP's tlog-tiles has it: its checkpoint, its tiles and its entry bundles."""

from hallmarket.proof.errors import ProofError
from hallmarket.proof.tile import TILE_WIDTH, BundlePath, decode_bundle, encode_bundle, parse_tile_path
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.tlog.types import LogStatus

sql = load_queries(__package__)


async def get_checkpoint(database: Database) -> str:
    """The newest signed checkpoint, a note. Raises Unavailable."""
    async with database.connection() as connection:
        head = await connection.fetchrow(sql.find_head)
    assert head is not None
    note = head["note"]
    assert isinstance(note, str)
    return note


async def get_tile(database: Database, path: str) -> bytes:
    """The tile or entry bundle at `tile/…`. Raises NotFound if the path is malformed or the log not that large yet."""
    try:
        wanted = parse_tile_path(path)
    except ProofError as error:
        raise NotFound(str(error)) from None
    if wanted.index >= 2**55:
        raise NotFound("The log is not that large yet.")
    async with database.connection() as connection:
        if not isinstance(wanted, BundlePath):
            tile = await connection.fetchval(sql.find_tile, wanted.level, wanted.index, wanted.width)
            if tile is None:
                raise NotFound("The log has no such tile yet.")
            return bytes(tile)
        bundle = await connection.fetchrow(sql.find_bundle, wanted.index)
    if bundle is None or bundle["width"] < wanted.width:
        raise NotFound("The log has no such entry bundle yet.")
    if wanted.width == TILE_WIDTH:
        return bytes(bundle["entries"])
    return encode_bundle(decode_bundle(bundle["entries"])[: wanted.width])


async def get_status(database: Database) -> LogStatus:
    """The log's size, newest checkpoint and queue. Raises Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_status)
    assert row is not None
    return LogStatus(**row)
