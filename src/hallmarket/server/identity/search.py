"""Search people by a part of their username or name."""

from uuid import UUID

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.identity.profile import Profile, list_profiles
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_SEARCH_LENGTH = 200


async def search_people(database: Database, principal: Principal, text: str, window: Window) -> Page[Profile]:
    """List the people whose username or name contains `text`, in any case, the best matches first.

    An empty text lists everybody. Raises InvalidRequest if the text is too long, Unavailable.
    """
    searched = " ".join(text.split())
    if len(searched) > MAX_SEARCH_LENGTH:
        raise InvalidRequest(f"query may have at most {MAX_SEARCH_LENGTH} characters.", "query")
    async with database.connection() as connection:
        found = await connection.fetchrow(sql.search_people, searched, window.offset, window.limit + 1)
        assert found is not None
        ids: Page[UUID] = make_page(window, found["ids"], lambda person_id: person_id, found["total"])
        profiles = await list_profiles(connection, principal, ids.items)
    return Page(profiles, window, ids.has_more, ids.total)
