"""Find people by a part of their username or name."""

from uuid import UUID

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import Paged, page_of, window_query
from hallmarket.server.identity.profile import Profile, list_profiles
from hallmarket.server.paging import Window

sql = load_queries(__package__)

MAX_QUERY_LENGTH = 200
SEARCH_QUERY = {
    "query": {"type": "string", "maxLength": MAX_QUERY_LENGTH, "description": "A part of a username or name."},
    **window_query(),
}


async def search_people(database: Database, viewer_id: UUID, text: str, window: Window) -> Paged[Profile]:
    """One page of the people whose username or name holds `text`, in any case; the nearest first.

    Without a text that is everybody. Raises InvalidRequest if it is too long, Unavailable.
    """
    wanted = " ".join(text.split())
    if len(wanted) > MAX_QUERY_LENGTH:
        raise InvalidRequest(f"query may have at most {MAX_QUERY_LENGTH} characters.", "query")
    async with database.connection() as connection:
        found = await connection.fetchrow(sql.search_people, wanted, window.offset, window.limit + 1)
        assert found is not None
        ids: Paged[UUID] = page_of(window, found["ids"], lambda one: one, found["total"])
        return Paged(await list_profiles(connection, viewer_id, ids.data), ids.pagination)
