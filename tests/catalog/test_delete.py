"""Deleting: what goes with an asset, what stays, and what is only said beforehand."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from _support.assets import make_asset
from _support.organizations import Organization
from _support.waiting import wait_until

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_deleting_takes_what_was_said_and_leaves_what_stands_in_it(org: Organization) -> None:
    """Comments and their replies go with an asset; children stay, alone, and private where they inherited."""
    server, admin = org.server, org.admin
    post = make_asset(server, admin, "post", visibility="organization")
    comment = make_asset(server, admin, "comment", parent_id=post)
    reply = make_asset(server, admin, "comment", parent_id=comment)
    inheriting = make_asset(server, admin, "file", parent_id=post)
    own = make_asset(server, admin, "file", parent_id=post, visibility="organization")
    assert [child["id"] for child in admin.call("GET", f"/assets/{post}/children")] == [inheriting, own]
    gone = admin.call("DELETE", f"/assets/{post}?delete_children=false&dry_run=false")
    assert {child["id"] for child in gone["deleted_children"]} == {comment, reply}
    for asset in (post, comment, reply):
        admin.call("GET", f"/assets/{asset}", 404)
    shown = [admin.call("GET", f"/assets/{asset}") for asset in (inheriting, own)]
    assert [(one["visibility"], one["parent_id"]) for one in shown] == [("private", None), ("organization", None)]


def test_deleting_with_children_takes_ones_own_only(org: Organization) -> None:
    """With `delete_children` go those that the caller administers, and nobody else's."""
    guest = org.new_user()
    post = make_asset(org.server, org.admin, "post", visibility="organization")
    mine = make_asset(org.server, org.admin, parent_id=post)
    org.admin.call(
        "PUT", f"/assets/{post}/share", json={"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    )
    theirs = make_asset(org.server, guest, parent_id=post, visibility="organization")
    gone = org.admin.call("DELETE", f"/assets/{post}?delete_children=true")
    assert [child["id"] for child in gone["deleted_children"]] == [mine]
    assert guest.call("GET", f"/assets/{theirs}")["parent_id"] is None


def test_a_dry_run_changes_nothing(org: Organization) -> None:
    """A dry run names what would go, and all of it is there afterwards."""
    post = make_asset(org.server, org.admin, "post")
    child = make_asset(org.server, org.admin, parent_id=post)
    said = org.admin.call("DELETE", f"/assets/{post}?delete_children=true&dry_run=true")
    assert (said["dry_run"], [one["id"] for one in said["deleted_children"]]) == (True, [child])
    assert org.admin.call("GET", f"/assets/{child}")["parent_id"] == post


def test_what_is_put_in_at_that_moment_is_not_torn(org: Organization) -> None:
    """An asset that gets a comment while it is deleted stays, and the caller is told to look again."""
    post = make_asset(org.server, org.admin, "post")
    comment = make_asset(org.server, org.admin, "comment", parent_id=make_asset(org.server, org.admin, "post"))

    async def race() -> int:
        writer, watcher = [await asyncpg.connect(org.server.postgres_url) for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            async with writer.transaction():
                await writer.execute("update asset set parent_id = $1 where id = $2", post, comment)
                asked = pool.submit(org.admin.client.request, "DELETE", f"/assets/{post}")
                while not asked.done() and not await watcher.fetchval(WAITING):  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.005)
            await writer.close()
            await watcher.close()
            return (await asyncio.wrap_future(asked)).status_code

    assert asyncio.run(race()) == 409
    wait_until(lambda: org.admin.call("GET", f"/assets/{comment}")["parent_id"] == post)
