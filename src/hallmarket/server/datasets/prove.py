"""Get the proof that a version is anchored. With it, anyone can verify the version's manifest without this server."""

from uuid import UUID

from hallmarket.proof.bundle import Bundle
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.finish_version import make_claims
from hallmarket.server.datasets.types import DATASET
from hallmarket.server.datasets.versions import get_version_row
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tlog.prove import get_entry, prove_inclusion


async def prove_version(database: Database, principal: Principal, dataset_id: UUID, number: int) -> Bundle:
    """Return the proof bundle of a version. Raises NotFound if it is not anchored yet, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, READ, DATASET)
        row = await get_version_row(connection, dataset_id, number)
        if row["leaf_index"] is None:
            raise NotFound("This version is not anchored yet. Try again in a moment.")
        entry = await get_entry(connection, row["leaf_index"])
        proof = await prove_inclusion(connection, row["leaf_index"], row["checkpoint_number"])
    claims = make_claims(
        dataset_id,
        row["author_id"],
        row["organization_id"],
        row["name"],
        row["created_on"],
        row["row_count"],
        row["number"],
    )
    return Bundle(entry=entry, claims=claims, salt=row["salt"], proof=proof.text(), timestamps=[])
