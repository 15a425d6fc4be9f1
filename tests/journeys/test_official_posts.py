"""Posts and comments by the official client, unmodified: every method of `client.posts` and `client.comments`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ouro
import pandas as pd
import pytest
from ouro.utils.content import tiptap_to_markdown

from _support.clients import official_client
from _support.organizations import Organization, User, new_organization
from _support.servers import Server

FINDINGS = """# Findings

Some **bold** text and a list:

- first
- second

```python
print("hi")
```

> [!WARNING]
> Check the units before trusting this number.
"""


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def admin(org: Organization) -> Iterator[Any]:
    """The administrator's official client."""
    with official_client(org.server, org.admin.member.key) as client:
        yield client


@pytest.fixture
def guest(org: Organization) -> User:
    """A member who is given roles."""
    return org.new_user()


@pytest.fixture
def second(org: Organization, guest: User) -> Iterator[Any]:
    """That member's official client."""
    with official_client(org.server, guest.member.key) as client:
        yield client


def types_in(content: Any) -> list[str]:
    """The types of a document's blocks."""
    return [block["type"] for block in content.data["content"]]


def test_a_post_from_markdown_and_from_a_file(admin: Any, tmp_path: Path) -> None:
    """Markdown becomes a document that the client reads back, and so does a file; a post has one content only."""
    post = admin.posts.create("Findings", content_markdown=FINDINGS, visibility="private", description="In **short**")
    assert types_in(post.content) == ["heading", "paragraph", "bulletList", "codeBlock", "callout"]
    assert (post.asset_type, post.content.text, post.description.text) == ("post", FINDINGS, "In **short**")
    assert (post.comments, post.assets) == (0, [])
    fetched = admin.posts.retrieve(str(post.id))
    markdown = admin.posts.Content(json=fetched.content.data, text=fetched.content.text).to_markdown()
    assert markdown == tiptap_to_markdown(fetched.content.data) == FINDINGS.strip()
    assert admin.assets.retrieve(str(post.id)).content.text == FINDINGS
    path = tmp_path / "report.md"
    path.write_text("## From a file\n\nBody text.")
    assert types_in(admin.posts.create("From disk", content_path=str(path)).content) == ["heading", "paragraph"]
    with pytest.raises(ValueError, match="only one"):
        admin.posts.create("Both", content_markdown="a", content_path=str(path))


def test_the_editor(admin: Any) -> None:
    """What the editor builds is kept as it is, and shows the assets that it embeds."""
    other = admin.posts.create("Method", content_markdown="Notes.", visibility="private")
    editor = admin.posts.Editor()
    editor.new_header(level=1, text="Built with the editor")
    editor.new_paragraph(text="A paragraph.")
    editor.new_code_block("x = 1", language="python")
    editor.new_table(pd.DataFrame({"k": ["a", "b"], "v": [1, 2]}))
    editor.new_inline_image("https://example.org/a.png", "a plot")
    editor.new_inline_asset(str(other.id), asset_type="post", view_mode="preview")
    post = admin.posts.create("Built", content=editor, visibility="private")
    assert post.content.data == editor.json
    assert post.content.text == editor.text
    (shown,) = post.assets
    assert (shown["id"], shown["name"]) == (str(other.id), "Method")
    comment = admin.comments.Editor()
    comment.new_paragraph("Well seen.")
    assert admin.comments.create(comment, str(post.id)).content.data == comment.json


def test_markdown_is_converted_by_the_server(admin: Any, guest: User) -> None:
    """The client's own content is converted as it is written, mentions with it."""
    content = admin.posts.Content(text=f"**hello** {{@{guest.member.username}}}")
    bold, _, mention = content.json["content"][0]["content"]
    assert bold["marks"] == [{"type": "bold"}]
    assert mention["attrs"]["id"] == guest.id
    assert content.to_markdown() == f"**hello** @{guest.member.username}"
    content.from_markdown("Replaced.")
    assert admin.posts.create("Converted", content=content).content.text == "Replaced."


def test_assets_are_made_within_a_post(admin: Any, second: Any, guest: User) -> None:
    """A file, a dataset and a post that the editor holds become the post's children, for whoever may read it."""
    editor = admin.posts.Editor()
    editor.new_paragraph("Results below.")
    editor.new_partial_asset(admin.files.partial_from_bytes(b"<h1>hi</h1>", "chart.html", name="Chart"))
    chart = {"type": "line", "category": {"dataKey": "x"}, "series": [{"dataKey": "y"}]}
    view = {"name": "y by x", "sql_query": "select x, y from {{table}} order by x", "config": chart}
    rows = pd.DataFrame([{"x": 1, "y": 2.5}, {"x": 3, "y": None}])
    editor.new_partial_asset(admin.datasets.partial(rows, name="Rows", view=view), view_mode="preview")
    editor.new_partial_asset(admin.posts.partial("## Method\n\nNotes.", name="Method notes"))
    post = admin.posts.create("Parts", content=editor, visibility="private")
    shown = [block["attrs"] for block in post.content.data["content"] if block["type"] == "assetComponent"]
    assert [attrs["assetType"] for attrs in shown] == ["file", "dataset", "post"]
    assert not any(attrs.get("partial") for attrs in shown)
    with pytest.raises(ouro.NotFoundError):
        second.files.retrieve(shown[0]["id"])
    admin.assets.share(str(post.id), guest.id, role="read")
    assert second.files.retrieve(shown[0]["id"]).visibility == "inherit"
    assert {str(child.id) for child in second.assets.children(str(post.id))} == {attrs["id"] for attrs in shown}
    assert second.datasets.list_rows(shown[1]["id"]).data == [{"x": 1, "y": 2.5}, {"x": 3, "y": None}]
    (saved,) = second.datasets.list_views(shown[1]["id"])
    assert (saved.name, str(saved.id)) == ("y by x", shown[1]["displayConfig"]["visualizationId"])
    assert types_in(second.posts.retrieve(shown[2]["id"]).content) == ["heading", "paragraph"]
    summary = admin.posts.delete(str(post.id), dry_run=True, delete_children=True)
    assert {child.asset_type for child in summary.deleted_children} == {"file", "dataset", "post"}


def test_posts_are_listed(admin: Any, second: Any, guest: User) -> None:
    """Posts are found by their words and in their order, by whoever may see them, and show how they begin."""
    word = f"tidemark{guest.member.username}"
    post = admin.posts.create("Findings", content_markdown=f"On {word}.", visibility="private")
    assert [found.id for found in admin.posts.list(word)] == [post.id]
    assert admin.posts.list(scope="personal", sort="recent").data[0].preview == {"text": f"On {word}."}
    assert list(second.posts.list(word)) == []
    admin.assets.share(str(post.id), guest.id, role="read")
    assert [found.name for found in second.posts.list(word)] == ["Findings"]


def test_a_second_person_with_each_role(admin: Any, second: Any, guest: User) -> None:
    """Before they are given a role the post is not there; then they read, write, and at last delete it."""
    post = str(admin.posts.create("Findings", content_markdown="first", visibility="private").id)
    calls = {
        "retrieve": lambda: second.posts.retrieve(post).content.text,
        "update": lambda: second.posts.update(post, content="second", name="Renamed").content.text,
        "delete": lambda: second.posts.delete(post, dry_run=True).dry_run,
    }
    refused = dict.fromkeys(calls, ouro.NotFoundError)
    assert {name: outcome(call) for name, call in calls.items()} == refused
    for role, may in (
        ("read", {"retrieve": "first", "update": ouro.PermissionDeniedError, "delete": ouro.PermissionDeniedError}),
        ("write", {"retrieve": "first", "update": "second", "delete": ouro.PermissionDeniedError}),
        ("admin", {"retrieve": "second", "update": "second", "delete": True}),
    ):
        admin.assets.share(post, guest.id, role=role)
        assert {name: outcome(call) for name, call in calls.items()} == may
    assert admin.posts.retrieve(post).name == "Renamed"
    admin.assets.share(post, guest.id, role="none")
    assert {name: outcome(call) for name, call in calls.items()} == refused
    deleted = admin.posts.delete(post)
    assert (str(deleted.id), deleted.asset_type, deleted.dry_run) == (post, "post", False)
    with pytest.raises(ouro.NotFoundError):
        admin.posts.retrieve(post)


def outcome(call: Any) -> Any:
    """What a call answers, or which error it raises."""
    try:
        return call()
    except ouro.APIStatusError as error:
        return type(error)


def test_a_thread_of_comments(admin: Any, second: Any, guest: User) -> None:
    """Who may read a post comments on it; replies, pages, edits and deletions are each for whom they should be."""
    post = str(admin.posts.create("Findings", content_markdown="first", visibility="private").id)
    with pytest.raises(ouro.NotFoundError):
        second.comments.create("Hello?", parent_id=post)
    with pytest.raises(ouro.NotFoundError):
        second.comments.list(post)
    admin.assets.share(post, guest.id, role="read")
    comment = admin.comments.create(admin.comments.Content(text="First!"), parent_id=post)
    reply = second.comments.create(second.comments.Content(text="A **reply**"), parent_id=str(comment.id))
    assert (comment.text, reply.text, str(reply.parent_id)) == ("First!", "A **reply**", str(comment.id))
    assert [found.id for found in second.comments.list_by_parent(post)] == [comment.id]
    assert [found.id for found in admin.comments.list_replies(str(comment.id))] == [reply.id]
    with pytest.raises(ouro.BadRequestError):
        second.comments.create("Too deep", parent_id=str(reply.id))
    last = second.comments.create("Last", parent_id=post)
    page = admin.comments.list(post, limit=1)
    assert ([found.id for found in page], page.has_more) == ([comment.id], True)
    page = admin.comments.list(post, limit=1, offset=1)
    assert ([found.id for found in page], page.has_more) == ([last.id], False)
    assert admin.comments.update(str(comment.id), content="First (edited)").text == "First (edited)"
    with pytest.raises(ouro.PermissionDeniedError):
        second.comments.update(str(comment.id), content="Not mine")
    with pytest.raises(ouro.PermissionDeniedError):
        admin.comments.update(str(reply.id), content="Not mine")
    assert admin.comments.retrieve(str(comment.id)).text == "First (edited)"
    with pytest.raises(ouro.PermissionDeniedError):
        second.comments.delete(str(comment.id))
    assert admin.comments.delete(str(comment.id), dry_run=True).deleted_children[0].id == reply.id
    admin.comments.delete(str(comment.id))
    second.comments.delete(str(last.id))
    assert admin.comments.list_by_parent(post) == []
    with pytest.raises(ouro.NotFoundError):
        second.comments.retrieve(str(reply.id))


def test_mentions_and_replies_arrive(admin: Any, second: Any, guest: User) -> None:
    """Whoever is mentioned, commented on or replied to is told of it, once."""
    text = f"See this, {{@{guest.member.username}}}."
    post = admin.posts.create("For you", content_markdown=text, visibility="organization")
    comment = second.comments.create("Thanks", parent_id=str(post.id))
    admin.comments.create(f"{{@{guest.member.username}}} gladly", parent_id=str(comment.id))
    assert [told.type for told in second.notifications.list()] == ["reply", "mention"]
    assert "comment" in [told.type for told in admin.notifications.list()]


def test_downloads(admin: Any, second: Any, tmp_path: Path) -> None:
    """A post downloads as a page or as markdown; its address gives the markdown to whoever has it."""
    post = str(admin.posts.create("Findings", content_markdown=FINDINGS, visibility="private").id)
    page = Path(admin.assets.download(post, output_path=str(tmp_path / "page.html")).path)
    assert "<h1>Findings</h1>" in page.read_text("utf-8")
    text = Path(admin.assets.download(post, output_path=str(tmp_path / "text.md"), format="markdown").path)
    assert text.read_text("utf-8") == FINDINGS
    with pytest.raises(ouro.NotFoundError):
        second.assets.download(post, output_path=str(tmp_path / "none.html"))
    link = admin.assets.create_download_url(post)
    assert (link["asset_type"], link["file_name"]) == ("post", "findings.md")
    assert httpx.get(link["download_url"], trust_env=False).text == FINDINGS
    html = admin.assets.create_download_url(post, format="html")
    assert "<h1>Findings</h1>" in httpx.get(html["download_url"], trust_env=False).text
