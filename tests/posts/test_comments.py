"""Comments: on whatever one may read, one level of replies, where their parents are, and who is told."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from assets import make_asset
from circle import Circle, Someone
from posts.test_posts import connections, part, share, told, write


def say(who: Someone, parent: str, content: Any = "Well seen.", status: int = 200, **comment: Any) -> Any:
    """A comment of somebody's."""
    body = {"comment": {"parent_id": parent, **comment}, "content": content}
    return who.ask("POST", "/comments/create", status, json=body)


def said(who: Someone, parent: str, query: str = "") -> list[str]:
    """The texts of the comments on something."""
    return [comment["content"]["text"] for comment in who.ask("GET", f"/assets/{parent}/comments{query}")]


@pytest.mark.parametrize("asset_type", ["post", "file", "dataset"])
def test_whoever_may_read_an_asset_may_comment_on_it(circle: Circle, asset_type: str) -> None:
    """Before they may read it, it is not there; with the role read, they comment and see the comments."""
    asset = make_asset(circle.server, circle.boss, asset_type, visibility="private")
    guest = circle.person()
    say(guest, asset, status=404)
    guest.ask("GET", f"/assets/{asset}/comments", 404)
    share(circle.boss, asset, guest, "read")
    made = say(guest, asset)
    assert (made["asset_type"], made["parent_id"], made["user_id"]) == ("comment", asset, guest.id)
    assert said(circle.boss, asset) == said(guest, asset) == ["Well seen."]
    assert connections(circle.server, made["id"]) == {("comment", asset)}
    assert circle.boss.ask("GET", f"/comments/{made['id']}")["content"] == made["content"]


def test_a_comment_is_where_its_parent_is(circle: Circle) -> None:
    """Organization, team and visibility come from the parent, whatever is sent, and go with it when it moves."""
    post = write(circle.boss, visibility="organization")
    reader = circle.person()
    comment = say(reader, post["id"], visibility="public", org_id=str(uuid4()), team_id=str(uuid4()))
    assert comment["visibility"] == "inherit"
    assert (comment["org_id"], comment["team_id"]) == (post["org_id"], post["team_id"])
    other = circle.person()
    other.ask("GET", f"/comments/{comment['id']}")
    circle.boss.ask("PUT", f"/posts/{post['id']}", json={"post": {"visibility": "private"}})
    other.ask("GET", f"/comments/{comment['id']}", 404)


def test_replies_go_one_level_deep(circle: Circle) -> None:
    """A comment takes replies, which are listed under it; a reply takes none, and all of them are counted."""
    post = write(circle.boss)["id"]
    comment = say(circle.boss, post, "first")["id"]
    reply = say(circle.boss, comment, "reply")["id"]
    say(circle.boss, reply, status=400)
    assert said(circle.boss, post) == ["first"]
    assert said(circle.boss, comment) == ["reply"]
    assert circle.boss.ask("GET", f"/posts/{post}")["comments"] == 2
    assert circle.boss.ask("GET", f"/comments/{comment}")["comments"] == 1
    assert circle.boss.ask("GET", f"/assets/{post}/children") == []


def test_comments_are_paged_oldest_first(circle: Circle) -> None:
    """Pages follow each other in the order of writing, and the last says that it is."""
    post = write(circle.boss)["id"]
    texts = [f"number {number}" for number in range(5)]
    for text in texts:
        say(circle.boss, post, text)
    assert said(circle.boss, post) == texts
    pages = [circle.boss.client.get(f"/assets/{post}/comments?limit=2&offset={offset}").json() for offset in (0, 2, 4)]
    assert [comment["content"]["text"] for page in pages for comment in page["data"]] == texts
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False]
    circle.boss.ask("GET", f"/assets/{post}/comments?limit=201", 400)


def test_only_its_author_changes_a_comment(circle: Circle) -> None:
    """Not even who owns the post puts words into another's mouth."""
    post, author = write(circle.boss, visibility="organization")["id"], circle.person()
    comment = say(author, post)["id"]
    for other, status in ((circle.boss, 403), (circle.person(), 403), (circle.stranger(), 404)):
        other.ask("PUT", f"/comments/{comment}", status, json={"comment": {}, "content": "I was wrong."})
    changed = author.ask(
        "PUT", f"/comments/{comment}", json={"comment": {"license_id": "CC0-1.0"}, "content": "Edited."}
    )
    assert (changed["content"]["text"], changed["license_id"]) == ("Edited.", "CC0-1.0")
    kept = author.ask("PUT", f"/comments/{comment}", json={"comment": {}, "content": None})
    assert kept["content"]["text"] == "Edited."


def test_author_and_administrators_of_the_post_delete_a_comment(circle: Circle) -> None:
    """Both may; readers may not, and writers of the post may not either. Its replies go with it."""
    post = write(circle.boss, visibility="organization")["id"]
    author, writer = circle.person(), circle.person()
    share(circle.boss, post, writer, "write")
    for who in (author, circle.boss):
        comment = say(author, post)["id"]
        reply = say(writer, comment)["id"]
        for other, status in ((circle.person(), 403), (writer, 403), (circle.stranger(), 404)):
            other.ask("DELETE", f"/posts/{comment}", status)
        deleted = who.ask("DELETE", f"/posts/{comment}?dry_run=false&delete_children=false")
        assert (deleted["asset_type"], [child["id"] for child in deleted["deleted_children"]]) == ("comment", [reply])
        circle.boss.ask("GET", f"/comments/{reply}", 404)
        assert said(circle.boss, post) == []
    assert circle.server.query("select from content where asset_id = $1", UUID(reply)) == []


def test_a_post_takes_its_comments_with_it(circle: Circle) -> None:
    """Comments and replies go with the post, whoever wrote them."""
    post = write(circle.boss, visibility="organization")["id"]
    comment = say(circle.person(), post)["id"]
    reply = say(circle.person(), comment)["id"]
    deleted = circle.boss.ask("DELETE", f"/posts/{post}")
    assert {child["id"] for child in deleted["deleted_children"]} == {comment, reply}


def test_those_concerned_are_told_once(circle: Circle) -> None:
    """A comment tells the asset's owner, a reply the comment's author and the owner; a mention adds nothing to that."""
    author, replier = circle.person(), circle.person()
    post = write(circle.boss, visibility="organization")["id"]
    comment = say(author, post, f"{{@{circle.boss.member.username}}} look")["id"]
    reply = say(replier, comment, f"{{@{author.member.username}}} yes")["id"]
    own = say(circle.boss, comment)["id"]
    assert told(circle.server, circle.boss) == [("comment", comment), ("comment", reply)]
    assert told(circle.server, author) == [("reply", reply), ("reply", own)]
    assert told(circle.server, replier) == []


def test_who_may_not_read_is_told_nothing(circle: Circle) -> None:
    """An author who lost sight of the post hears of no reply to their comment."""
    author = circle.person()
    post = write(circle.boss, visibility="organization")["id"]
    comment = say(author, post)["id"]
    circle.boss.ask("PUT", f"/posts/{post}", json={"post": {"visibility": "private"}})
    say(circle.boss, comment)
    assert told(circle.server, author) == []


def test_a_comment_is_short(circle: Circle) -> None:
    """More than twenty thousand characters are no comment, and no asset is made within one."""
    post = write(circle.boss)["id"]
    say(circle.boss, post, "a" * 20_000)
    say(circle.boss, post, "a" * 20_001, status=400)
    say(circle.boss, post, part(asset_type="post", content="within"), status=400)
    say(circle.boss, str(uuid4()), status=404)
    circle.boss.ask("GET", f"/comments/{post}", 404)
