"""Prove a purchase: the bundle with which anyone can verify offline what was bought."""

from uuid import UUID

from hallmarket.proof.bundle import Bundle
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.licence_entry import make_claims
from hallmarket.server.purchases.types import read_sale
from hallmarket.server.tlog.prove import get_entry, prove_inclusion

sql = load_queries(__package__)


async def prove_licence(database: Database, principal: Principal, licence_id: UUID) -> Bundle:
    """Get the proof bundle of a licence that the principal bought or sold.

    Raises NotFound if there is no such licence or it is not anchored yet, Unavailable.
    """
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_licence_for_proof, principal.person_id, licence_id)
        if row is None:
            raise NotFound("You neither bought nor sold such a licence.")
        if row["leaf_index"] is None:
            raise NotFound("This licence is not anchored yet. Try again in a few seconds.")
        entry = await get_entry(connection, row["leaf_index"])
        proof = await prove_inclusion(connection, row["leaf_index"], row["checkpoint_number"])
    return Bundle(entry=entry, claims=make_claims(read_sale(row)), salt=row["salt"], proof=proof.text(), timestamps=[])
