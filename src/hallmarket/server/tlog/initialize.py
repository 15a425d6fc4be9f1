"""Initialize the log at server start: create its first checkpoint, and check that the signing key is the log's own."""

from hallmarket.proof.key import SigningKey
from hallmarket.proof.merkle import EMPTY_ROOT
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.tlog.checkpoint import create_checkpoint

sql = load_queries(__package__)


async def initialize_log(connection: Connection, key: SigningKey) -> None:
    """Create the log's head if it has none. Raises Refusal if the log is signed with another key than `key`."""
    verifier_key = str(key.verifier_key)
    async with connection.transaction():
        await create_checkpoint(connection, key, 0, 0, EMPTY_ROOT)
        await connection.execute(sql.create_head, verifier_key)
        head = await connection.fetchrow(sql.find_head)
    assert head is not None
    if head["verifier_key"] != verifier_key:
        raise Refusal(
            f"The log in this database is signed by {head['verifier_key']}, but the configured key is {verifier_key}. "
            "Use the log's own key: the file log.key of its data folder, or HALLMARKET_LOG_KEY."
        )
