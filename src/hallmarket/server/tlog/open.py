"""Open the log: an empty one gets its first checkpoint, and one signed by another key is refused."""

from datetime import UTC, datetime

from hallmarket.proof.checkpoint import Checkpoint, sign_checkpoint
from hallmarket.proof.key import SigningKey
from hallmarket.proof.merkle import EMPTY_ROOT
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal

sql = load_queries(__package__)


async def open_log(connection: Connection, key: SigningKey) -> None:
    """Make sure the log has a head and that `key` is its key. Raises Refusal if it is another log's."""
    verifier_key = str(key.verifier_key)
    async with connection.transaction():
        note = sign_checkpoint(Checkpoint(key.verifier_key.name, 0, EMPTY_ROOT), key)
        await connection.execute(sql.create_checkpoint, 0, 0, EMPTY_ROOT, note, datetime.now(UTC))
        await connection.execute(sql.create_head, verifier_key)
        head = await connection.fetchrow(sql.find_head)
    assert head is not None
    if head["verifier_key"] != verifier_key:
        raise Refusal(
            f"The log in this database is signed by {head['verifier_key']}, but the key given is {verifier_key}. "
            "Bring that log's own key: the file log.key of its data folder, or HALLMARKET_LOG_KEY."
        )
