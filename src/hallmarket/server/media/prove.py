"""Prove that a file is anchored: the bundle with which anyone can verify it offline."""

from hallmarket.proof.bundle import Bundle
from hallmarket.proof.entry import Claims
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.identity.types import iso_time
from hallmarket.server.principal import PERSONAL_CONTEXT
from hallmarket.server.tlog.prove import get_entry, prove_inclusion

sql = load_queries(__package__)


async def prove_media(database: Database, media_hash: bytes) -> Bundle:
    """Get the proof bundle of an anchored hash. Raises NotFound if it is not anchored, Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_provable, media_hash)
        if row is None:
            raise NotFound("No file with this hash is anchored here.")
        entry = await get_entry(connection, row["leaf_index"])
        proof = await prove_inclusion(connection, row["leaf_index"], row["checkpoint_number"])
    claims = Claims(
        createdOn=iso_time(row["created_on"]),
        creator=str(row["creator_id"]),
        metadata=row["metadata"],
        name=row["name"],
        organization=str(row["organization_id"] or PERSONAL_CONTEXT),
    )
    return Bundle(entry=entry, claims=claims, salt=row["salt"], proof=proof.text(), timestamps=[])
