"""Deleting: what goes with an asset, what stays, and what is only said beforehand."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from assets import make_asset
from circle import Circle
from support import wait_until

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_deleting_takes_what_was_said_and_leaves_what_stands_in_it(circle: Circle) -> None:
    """Comments and their replies go with an asset; children stay, alone, and private where they inherited."""
    server, boss = circle.server, circle.boss
    post = make_asset(server, boss, "post", visibility="organization")
    comment = make_asset(server, boss, "comment", parent_id=post)
    reply = make_asset(server, boss, "comment", parent_id=comment)
    inheriting = make_asset(server, boss, "file", parent_id=post)
    own = make_asset(server, boss, "file", parent_id=post, visibility="organization")
    assert [child["id"] for child in boss.ask("GET", f"/assets/{post}/children")] == [inheriting, own]
    gone = boss.ask("DELETE", f"/assets/{post}?delete_children=false&dry_run=false")
    assert {child["id"] for child in gone["deleted_children"]} == {comment, reply}
    for asset in (post, comment, reply):
        boss.ask("GET", f"/assets/{asset}", 404)
    shown = [boss.ask("GET", f"/assets/{asset}") for asset in (inheriting, own)]
    assert [(one["visibility"], one["parent_id"]) for one in shown] == [("private", None), ("organization", None)]


def test_deleting_with_children_takes_ones_own_only(circle: Circle) -> None:
    """With `delete_children` go those that the caller administers, and nobody else's."""
    guest = circle.person()
    post = make_asset(circle.server, circle.boss, "post", visibility="organization")
    mine = make_asset(circle.server, circle.boss, parent_id=post)
    circle.boss.ask(
        "PUT", f"/assets/{post}/share", json={"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    )
    theirs = make_asset(circle.server, guest, parent_id=post, visibility="organization")
    gone = circle.boss.ask("DELETE", f"/assets/{post}?delete_children=true")
    assert [child["id"] for child in gone["deleted_children"]] == [mine]
    assert guest.ask("GET", f"/assets/{theirs}")["parent_id"] is None


def test_a_dry_run_changes_nothing(circle: Circle) -> None:
    """A dry run names what would go, and all of it is there afterwards."""
    post = make_asset(circle.server, circle.boss, "post")
    child = make_asset(circle.server, circle.boss, parent_id=post)
    said = circle.boss.ask("DELETE", f"/assets/{post}?delete_children=true&dry_run=true")
    assert (said["dry_run"], [one["id"] for one in said["deleted_children"]]) == (True, [child])
    assert circle.boss.ask("GET", f"/assets/{child}")["parent_id"] == post


def test_what_is_put_in_at_that_moment_is_not_torn(circle: Circle) -> None:
    """An asset that gets a comment while it is deleted stays, and the caller is told to look again."""
    post = make_asset(circle.server, circle.boss, "post")
    comment = make_asset(
        circle.server, circle.boss, "comment", parent_id=make_asset(circle.server, circle.boss, "post")
    )

    async def race() -> int:
        writer, watcher = [await asyncpg.connect(circle.server.postgres_url) for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            async with writer.transaction():
                await writer.execute("update asset set parent_id = $1 where id = $2", post, comment)
                asked = pool.submit(circle.boss.client.request, "DELETE", f"/assets/{post}")
                while not asked.done() and not await watcher.fetchval(WAITING):  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.005)
            await writer.close()
            await watcher.close()
            return (await asyncio.wrap_future(asked)).status_code

    assert asyncio.run(race()) == 409
    wait_until(lambda: circle.boss.ask("GET", f"/assets/{comment}")["parent_id"] == post)
