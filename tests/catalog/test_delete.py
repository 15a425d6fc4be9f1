"""Deleting assets, with their comments and children; and dry runs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from _support.assets import make_asset
from _support.organizations import Organization
from _support.waiting import wait_until

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_deleting_an_asset_deletes_comments_and_keeps_children(org: Organization) -> None:
    """Comments and replies are deleted with an asset. Children stay without a parent, private if they inherited."""
    server, admin = org.server, org.admin
    post = make_asset(server, admin, "post", visibility="organization")
    comment = make_asset(server, admin, "comment", parent_id=post)
    reply = make_asset(server, admin, "comment", parent_id=comment)
    inheriting = make_asset(server, admin, "file", parent_id=post)
    own = make_asset(server, admin, "file", parent_id=post, visibility="organization")
    assert [child["id"] for child in admin.call("GET", f"/assets/{post}/children")] == [inheriting, own]
    deleted = admin.call("DELETE", f"/assets/{post}?delete_children=false&dry_run=false")
    assert {child["id"] for child in deleted["deleted_children"]} == {comment, reply}
    for asset in (post, comment, reply):
        admin.call("GET", f"/assets/{asset}", 404)
    shown = [admin.call("GET", f"/assets/{asset}") for asset in (inheriting, own)]
    assert [(child["visibility"], child["parent_id"]) for child in shown] == [("private", None), ("organization", None)]


def test_delete_children_deletes_only_administered_children(org: Organization) -> None:
    """`delete_children` deletes the children that the person administers, and no others."""
    guest = org.new_user()
    post = make_asset(org.server, org.admin, "post", visibility="organization")
    mine = make_asset(org.server, org.admin, parent_id=post)
    org.admin.call(
        "PUT", f"/assets/{post}/share", json={"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    )
    theirs = make_asset(org.server, guest, parent_id=post, visibility="organization")
    deleted = org.admin.call("DELETE", f"/assets/{post}?delete_children=true")
    assert [child["id"] for child in deleted["deleted_children"]] == [mine]
    assert guest.call("GET", f"/assets/{theirs}")["parent_id"] is None


def test_a_dry_run_changes_nothing(org: Organization) -> None:
    """A dry run lists what would be deleted, and deletes nothing."""
    post = make_asset(org.server, org.admin, "post")
    child = make_asset(org.server, org.admin, parent_id=post)
    result = org.admin.call("DELETE", f"/assets/{post}?delete_children=true&dry_run=true")
    assert (result["dry_run"], [deleted["id"] for deleted in result["deleted_children"]]) == (True, [child])
    assert org.admin.call("GET", f"/assets/{child}")["parent_id"] == post


def test_a_child_added_during_deletion_stops_it(org: Organization) -> None:
    """An asset that gets a comment while it is being deleted is not deleted: the request is 409."""
    post = make_asset(org.server, org.admin, "post")
    comment = make_asset(org.server, org.admin, "comment", parent_id=make_asset(org.server, org.admin, "post"))

    async def race() -> int:
        writer, watcher = [await asyncpg.connect(org.server.postgres_url) for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            async with writer.transaction():
                await writer.execute("update asset set parent_id = $1 where id = $2", post, comment)
                request = pool.submit(org.admin.client.request, "DELETE", f"/assets/{post}")
                while not request.done() and not await watcher.fetchval(WAITING):  # noqa: ASYNC110 (no event to wait for)
                    await asyncio.sleep(0.005)
            await writer.close()
            await watcher.close()
            return (await asyncio.wrap_future(request)).status_code

    assert asyncio.run(race()) == 409
    wait_until(lambda: org.admin.call("GET", f"/assets/{comment}")["parent_id"] == post)
