"""Comments: on whatever one may read, one level of replies, where their parents are, and who is told."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from posts.test_posts import connections, part, share, told, write


def say(who: User, parent: str, content: Any = "Well seen.", status: int = 200, **comment: Any) -> Any:
    """A comment of somebody's."""
    body = {"comment": {"parent_id": parent, **comment}, "content": content}
    return who.call("POST", "/comments/create", status, json=body)


def said(who: User, parent: str, query: str = "") -> list[str]:
    """The texts of the comments on something."""
    return [comment["content"]["text"] for comment in who.call("GET", f"/assets/{parent}/comments{query}")]


@pytest.mark.parametrize("asset_type", ["post", "file", "dataset"])
def test_whoever_may_read_an_asset_may_comment_on_it(org: Organization, asset_type: str) -> None:
    """Before they may read it, it is not there; with the role read, they comment and see the comments."""
    asset = make_asset(org.server, org.admin, asset_type, visibility="private")
    guest = org.new_user()
    say(guest, asset, status=404)
    guest.call("GET", f"/assets/{asset}/comments", 404)
    share(org.admin, asset, guest, "read")
    made = say(guest, asset)
    assert (made["asset_type"], made["parent_id"], made["user_id"]) == ("comment", asset, guest.id)
    assert said(org.admin, asset) == said(guest, asset) == ["Well seen."]
    assert connections(org.server, made["id"]) == {("comment", asset)}
    assert org.admin.call("GET", f"/comments/{made['id']}")["content"] == made["content"]


def test_a_comment_is_where_its_parent_is(org: Organization) -> None:
    """Organization, team and visibility come from the parent, whatever is sent, and go with it when it moves."""
    post = write(org.admin, visibility="organization")
    reader = org.new_user()
    comment = say(reader, post["id"], visibility="public", org_id=str(uuid4()), team_id=str(uuid4()))
    assert comment["visibility"] == "inherit"
    assert (comment["org_id"], comment["team_id"]) == (post["org_id"], post["team_id"])
    other = org.new_user()
    other.call("GET", f"/comments/{comment['id']}")
    org.admin.call("PUT", f"/posts/{post['id']}", json={"post": {"visibility": "private"}})
    other.call("GET", f"/comments/{comment['id']}", 404)


def test_replies_go_one_level_deep(org: Organization) -> None:
    """A comment takes replies, which are listed under it; a reply takes none, and all of them are counted."""
    post = write(org.admin)["id"]
    comment = say(org.admin, post, "first")["id"]
    reply = say(org.admin, comment, "reply")["id"]
    say(org.admin, reply, status=400)
    assert said(org.admin, post) == ["first"]
    assert said(org.admin, comment) == ["reply"]
    assert org.admin.call("GET", f"/posts/{post}")["comments"] == 2
    assert org.admin.call("GET", f"/comments/{comment}")["comments"] == 1
    assert org.admin.call("GET", f"/assets/{post}/children") == []


def test_comments_are_paged_oldest_first(org: Organization) -> None:
    """Pages follow each other in the order of writing, and the last says that it is."""
    post = write(org.admin)["id"]
    texts = [f"number {number}" for number in range(5)]
    for text in texts:
        say(org.admin, post, text)
    assert said(org.admin, post) == texts
    pages = [org.admin.client.get(f"/assets/{post}/comments?limit=2&offset={offset}").json() for offset in (0, 2, 4)]
    assert [comment["content"]["text"] for page in pages for comment in page["data"]] == texts
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False]
    org.admin.call("GET", f"/assets/{post}/comments?limit=201", 400)


def test_only_its_author_changes_a_comment(org: Organization) -> None:
    """Not even who owns the post puts words into another's mouth."""
    post, author = write(org.admin, visibility="organization")["id"], org.new_user()
    comment = say(author, post)["id"]
    for other, status in ((org.admin, 403), (org.new_user(), 403), (org.new_outsider(), 404)):
        other.call("PUT", f"/comments/{comment}", status, json={"comment": {}, "content": "I was wrong."})
    changed = author.call(
        "PUT", f"/comments/{comment}", json={"comment": {"license_id": "CC0-1.0"}, "content": "Edited."}
    )
    assert (changed["content"]["text"], changed["license_id"]) == ("Edited.", "CC0-1.0")
    kept = author.call("PUT", f"/comments/{comment}", json={"comment": {}, "content": None})
    assert kept["content"]["text"] == "Edited."


def test_author_and_administrators_of_the_post_delete_a_comment(org: Organization) -> None:
    """Both may; readers may not, and writers of the post may not either. Its replies go with it."""
    post = write(org.admin, visibility="organization")["id"]
    author, writer = org.new_user(), org.new_user()
    share(org.admin, post, writer, "write")
    for who in (author, org.admin):
        comment = say(author, post)["id"]
        reply = say(writer, comment)["id"]
        for other, status in ((org.new_user(), 403), (writer, 403), (org.new_outsider(), 404)):
            other.call("DELETE", f"/posts/{comment}", status)
        deleted = who.call("DELETE", f"/posts/{comment}?dry_run=false&delete_children=false")
        assert (deleted["asset_type"], [child["id"] for child in deleted["deleted_children"]]) == ("comment", [reply])
        org.admin.call("GET", f"/comments/{reply}", 404)
        assert said(org.admin, post) == []
    assert org.server.query("select from content where asset_id = $1", UUID(reply)) == []


def test_a_post_takes_its_comments_with_it(org: Organization) -> None:
    """Comments and replies go with the post, whoever wrote them."""
    post = write(org.admin, visibility="organization")["id"]
    comment = say(org.new_user(), post)["id"]
    reply = say(org.new_user(), comment)["id"]
    deleted = org.admin.call("DELETE", f"/posts/{post}")
    assert {child["id"] for child in deleted["deleted_children"]} == {comment, reply}


def test_those_concerned_are_told_once(org: Organization) -> None:
    """A comment tells the asset's owner, a reply the comment's author and the owner; a mention adds nothing to that."""
    author, replier = org.new_user(), org.new_user()
    post = write(org.admin, visibility="organization")["id"]
    comment = say(author, post, f"{{@{org.admin.member.username}}} look")["id"]
    reply = say(replier, comment, f"{{@{author.member.username}}} yes")["id"]
    own = say(org.admin, comment)["id"]
    assert told(org.server, org.admin) == [("comment", comment), ("comment", reply)]
    assert told(org.server, author) == [("reply", reply), ("reply", own)]
    assert told(org.server, replier) == []


def test_who_may_not_read_is_told_nothing(org: Organization) -> None:
    """An author who lost sight of the post hears of no reply to their comment."""
    author = org.new_user()
    post = write(org.admin, visibility="organization")["id"]
    comment = say(author, post)["id"]
    org.admin.call("PUT", f"/posts/{post}", json={"post": {"visibility": "private"}})
    say(org.admin, comment)
    assert told(org.server, author) == []


def test_a_comment_is_short(org: Organization) -> None:
    """More than twenty thousand characters are no comment, and no asset is made within one."""
    post = write(org.admin)["id"]
    say(org.admin, post, "a" * 20_000)
    say(org.admin, post, "a" * 20_001, status=400)
    say(org.admin, post, part(asset_type="post", content="within"), status=400)
    say(org.admin, str(uuid4()), status=404)
    org.admin.call("GET", f"/comments/{post}", 404)
