"""Comments: who may write them, replies, their visibility, and notifications."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from posts.test_posts import connections, embed, notifications, share, write


def comment_on(who: User, parent: str, content: Any = "Well seen.", status: int = 200, **comment: Any) -> Any:
    """Create a comment."""
    body = {"comment": {"parent_id": parent, **comment}, "content": content}
    return who.call("POST", "/comments/create", status, json=body)


def list_texts(who: User, parent: str, query: str = "") -> list[str]:
    """Return the texts of the comments on an asset."""
    return [comment["content"]["text"] for comment in who.call("GET", f"/assets/{parent}/comments{query}")]


@pytest.mark.parametrize("asset_type", ["post", "file", "dataset"])
def test_readers_may_comment(org: Organization, asset_type: str) -> None:
    """A person with the role read can comment on an asset and see its comments; without it the asset is 404."""
    asset = make_asset(org.server, org.admin, asset_type, visibility="private")
    guest = org.new_user()
    comment_on(guest, asset, status=404)
    guest.call("GET", f"/assets/{asset}/comments", 404)
    share(org.admin, asset, guest, "read")
    made = comment_on(guest, asset)
    assert (made["asset_type"], made["parent_id"], made["user_id"]) == ("comment", asset, guest.id)
    assert list_texts(org.admin, asset) == list_texts(guest, asset) == ["Well seen."]
    assert connections(org.server, made["id"]) == {("comment", asset)}
    assert org.admin.call("GET", f"/comments/{made['id']}")["content"] == made["content"]


def test_a_comment_has_the_visibility_of_its_parent(org: Organization) -> None:
    """A comment's organization, team and visibility are always its parent's, also when the parent changes."""
    post = write(org.admin, visibility="organization")
    reader = org.new_user()
    comment = comment_on(reader, post["id"], visibility="public", org_id=str(uuid4()), team_id=str(uuid4()))
    assert comment["visibility"] == "inherit"
    assert (comment["org_id"], comment["team_id"]) == (post["org_id"], post["team_id"])
    other = org.new_user()
    other.call("GET", f"/comments/{comment['id']}")
    org.admin.call("PUT", f"/posts/{post['id']}", json={"post": {"visibility": "private"}})
    other.call("GET", f"/comments/{comment['id']}", 404)


def test_replies_go_one_level_deep(org: Organization) -> None:
    """A comment can have replies, which are listed under it, and a reply cannot. Counters include replies."""
    post = write(org.admin)["id"]
    comment = comment_on(org.admin, post, "first")["id"]
    reply = comment_on(org.admin, comment, "reply")["id"]
    comment_on(org.admin, reply, status=400)
    assert list_texts(org.admin, post) == ["first"]
    assert list_texts(org.admin, comment) == ["reply"]
    assert org.admin.call("GET", f"/posts/{post}")["comments"] == 2
    assert org.admin.call("GET", f"/comments/{comment}")["comments"] == 1
    assert org.admin.call("GET", f"/assets/{post}/children") == []


def test_comments_are_paged_oldest_first(org: Organization) -> None:
    """Comments are in pages, oldest first, and the last page has no next page."""
    post = write(org.admin)["id"]
    texts = [f"number {number}" for number in range(5)]
    for text in texts:
        comment_on(org.admin, post, text)
    assert list_texts(org.admin, post) == texts
    pages = [org.admin.client.get(f"/assets/{post}/comments?limit=2&offset={offset}").json() for offset in (0, 2, 4)]
    assert [comment["content"]["text"] for page in pages for comment in page["data"]] == texts
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False]
    org.admin.call("GET", f"/assets/{post}/comments?limit=201", 400)


def test_only_the_author_can_change_a_comment(org: Organization) -> None:
    """Nobody else can change a comment, not even the owner of the post."""
    post, author = write(org.admin, visibility="organization")["id"], org.new_user()
    comment = comment_on(author, post)["id"]
    for other, status in ((org.admin, 403), (org.new_user(), 403), (org.new_outsider(), 404)):
        other.call("PUT", f"/comments/{comment}", status, json={"comment": {}, "content": "I was wrong."})
    changed = author.call(
        "PUT", f"/comments/{comment}", json={"comment": {"license_id": "CC0-1.0"}, "content": "Edited."}
    )
    assert (changed["content"]["text"], changed["license_id"]) == ("Edited.", "CC0-1.0")
    unchanged = author.call("PUT", f"/comments/{comment}", json={"comment": {}, "content": None})
    assert unchanged["content"]["text"] == "Edited."


def test_the_author_and_administrators_of_the_post_can_delete_a_comment(org: Organization) -> None:
    """The author and the post's administrators can delete a comment with its replies; readers and writers cannot."""
    post = write(org.admin, visibility="organization")["id"]
    author, writer = org.new_user(), org.new_user()
    share(org.admin, post, writer, "write")
    for who in (author, org.admin):
        comment = comment_on(author, post)["id"]
        reply = comment_on(writer, comment)["id"]
        for other, status in ((org.new_user(), 403), (writer, 403), (org.new_outsider(), 404)):
            other.call("DELETE", f"/posts/{comment}", status)
        deleted = who.call("DELETE", f"/posts/{comment}?dry_run=false&delete_children=false")
        assert (deleted["asset_type"], [child["id"] for child in deleted["deleted_children"]]) == ("comment", [reply])
        org.admin.call("GET", f"/comments/{reply}", 404)
        assert list_texts(org.admin, post) == []
    assert org.server.query("select from content where asset_id = $1", UUID(reply)) == []


def test_deleting_a_post_deletes_its_comments(org: Organization) -> None:
    """Deleting a post deletes its comments and replies, including those of other people."""
    post = write(org.admin, visibility="organization")["id"]
    comment = comment_on(org.new_user(), post)["id"]
    reply = comment_on(org.new_user(), comment)["id"]
    deleted = org.admin.call("DELETE", f"/posts/{post}")
    assert {child["id"] for child in deleted["deleted_children"]} == {comment, reply}


def test_each_person_is_notified_once(org: Organization) -> None:
    """A comment notifies the asset's owner, a reply also the comment's author. A mention does not notify them again."""
    author, replier = org.new_user(), org.new_user()
    post = write(org.admin, visibility="organization")["id"]
    comment = comment_on(author, post, f"{{@{org.admin.member.username}}} look")["id"]
    reply = comment_on(replier, comment, f"{{@{author.member.username}}} yes")["id"]
    own = comment_on(org.admin, comment)["id"]
    assert notifications(org.server, org.admin) == [("comment", comment), ("comment", reply)]
    assert notifications(org.server, author) == [("reply", reply), ("reply", own)]
    assert notifications(org.server, replier) == []


def test_people_who_may_not_read_are_not_notified(org: Organization) -> None:
    """An author who may no longer read the post is not notified of replies."""
    author = org.new_user()
    post = write(org.admin, visibility="organization")["id"]
    comment = comment_on(author, post)["id"]
    org.admin.call("PUT", f"/posts/{post}", json={"post": {"visibility": "private"}})
    comment_on(org.admin, comment)
    assert notifications(org.server, author) == []


def test_comments_are_limited(org: Organization) -> None:
    """A comment may have at most 20,000 characters, and cannot embed new assets."""
    post = write(org.admin)["id"]
    comment_on(org.admin, post, "a" * 20_000)
    comment_on(org.admin, post, "a" * 20_001, status=400)
    comment_on(org.admin, post, embed(asset_type="post", content="within"), status=400)
    comment_on(org.admin, str(uuid4()), status=404)
    org.admin.call("GET", f"/comments/{post}", 404)
