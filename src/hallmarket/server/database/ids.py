"""Generate ids."""

from uuid import UUID

import uuid_utils
from asyncpg.pgproto import pgproto


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562), which is ordered by time so that indexes grow at one end.

    It is an instance of the driver's own UUID class, which is faster than the standard library's.
    """
    return pgproto.UUID(uuid_utils.uuid7().bytes)
