"""Sign the log's checkpoints and store them."""

from datetime import UTC, datetime

from hallmarket.proof.checkpoint import Checkpoint, sign_checkpoint
from hallmarket.proof.key import SigningKey
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def create_checkpoint(tx: Connection, key: SigningKey, number: int, size: int, root_hash: bytes) -> None:
    """Sign the checkpoint of a log of `size` entries and store it, unless checkpoint `number` already exists.

    The signature is published only if `tx` commits.
    """
    note = sign_checkpoint(Checkpoint(key.verifier_key.name, size, root_hash), key)
    await tx.execute(sql.create_checkpoint, number, size, root_hash, note, datetime.now(UTC))
