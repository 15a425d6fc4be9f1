"""Anchor a file's bytes, in the transaction that makes them its content."""

from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import DomainError, Duplicate
from hallmarket.server.files.types import Content
from hallmarket.server.media.anchor import accept
from hallmarket.server.media.outcome import Work
from hallmarket.server.media.types import Anchor, Owner


async def anchor(
    tx: Connection, content: Content, person_id: UUID, organization_id: UUID | None, visibility: str
) -> None:
    """Enter the fingerprint in the log, unless somebody has: then the log proves these bytes already.

    Whoever has a file may ask what it is registered as, so the name goes with it only if everybody may know of the
    file. Raises Unavailable.
    """
    name = content.file_name if visibility in ("public", "monetized") else None
    wanted = Anchor(content.sha3_512, content.size_bytes, None, name, "{}", echo={})
    (outcome,) = await accept(tx, [Work(Owner(organization_id, person_id), wanted)])
    if isinstance(outcome, DomainError) and not isinstance(outcome, Duplicate):
        raise outcome
