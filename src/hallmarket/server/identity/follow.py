"""Follow and unfollow people, and list follows."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, Unauthenticated
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.notifications.notify import notify
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class Following(msgspec.Struct, frozen=True):
    """Whether `user_id` follows `followed_user_id` now."""

    user_id: UUID
    followed_user_id: UUID
    following: bool


class Follow(msgspec.Struct, frozen=True):
    """The reference's item of a list of follows: `user_id` follows `followed_user_id`."""

    id: UUID
    user_id: UUID
    followed_user_id: UUID
    added_at: datetime


async def toggle_follow(database: Database, principal: Principal, name_or_id: str) -> Following:
    """Follow a person and notify them, or unfollow them if the caller follows them already.

    Raises InvalidRequest if the person is the caller, NotFound, Unavailable.
    """
    follower_id = principal.person_id
    async with database.transaction() as tx:
        followed_id = await get_person_id(tx, name_or_id)
        if followed_id == follower_id:
            raise InvalidRequest("You cannot follow yourself.", "username")
        follower = await tx.fetchval(sql.lock_follower, follower_id)
        if follower is None:
            raise Unauthenticated("The account of this token no longer exists.")
        if await tx.fetchval(sql.unfollow, follower_id, followed_id) is not None:
            return Following(follower_id, followed_id, following=False)
        await tx.execute(sql.follow, new_id(), follower_id, followed_id)
        await notify(tx, "follow", [followed_id], source_id=follower_id, content={"text": f"{follower} follows you."})
    return Following(follower_id, followed_id, following=True)


async def list_follows(database: Database, name_or_id: str, window: Window) -> Page[Follow]:
    """List whom a person follows and who follows them, newest first. Raises NotFound, Unavailable."""
    async with database.connection() as connection:
        person_id = await get_person_id(connection, name_or_id)
        total = await connection.fetchval(sql.count_follows, person_id)
        rows = await connection.fetch(sql.list_follows, person_id, window.offset, window.limit + 1)
    return make_page(window, rows, _follow, total)


def _follow(row: asyncpg.Record) -> Follow:
    return Follow(row["id"], row["follower_id"], row["followed_id"], row["created_on"])
