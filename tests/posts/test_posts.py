"""Posts: who may read and change them, what their content comes back as, what follows from it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from assets import make_asset
from circle import Circle, Someone
from hallmarket.server.catalog.kinds import Download
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.posts.download import PostKind
from rich_text.documents import ID
from support import Server

DOCUMENT = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hello"}]}]}


def write(who: Someone, content: Any = "hello", status: int = 200, **post: Any) -> Any:
    """A new post of somebody's, private unless told."""
    post = {"name": "The harbour", "visibility": "private"} | post
    return who.ask("POST", "/posts/create", status, json={"post": post, "content": content})


def change(who: Someone, post_id: str, content: Any = None, status: int = 200, **post: Any) -> Any:
    """A post, changed."""
    return who.ask("PUT", f"/posts/{post_id}", status, json={"post": post, "content": content})


def share(who: Someone, asset: str, person: Someone, role: str) -> None:
    """Give somebody a role."""
    who.ask("PUT", f"/assets/{asset}/share", json={"permission": {"user": {"user_id": person.id}, "role": role}})


def told(server: Server, person: Someone) -> list[tuple[str, str]]:
    """What somebody was notified of: the type, and which asset."""
    rows = server.query(
        "select type, asset_id::text as asset from notification where destination_id = $1 order by created_on, id",
        person.id,
    )
    return [(row["type"], row["asset"]) for row in rows]


def connections(server: Server, asset: str) -> set[tuple[str, str]]:
    """What an asset is connected with: the type, and the other asset."""
    rows = server.query("select type, target_id::text as target from connection where source_id = $1", UUID(asset))
    return {(row["type"], row["target"]) for row in rows}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hello", "hello"),
        ({"text": "hello"}, "hello"),
        ({"json": DOCUMENT}, "hello"),
        ({"json": DOCUMENT, "text": "_"}, "_"),
    ],
)
def test_content_has_both_forms(circle: Circle, content: Any, text: str) -> None:
    """Markdown gets a document, a document without text its markdown, and both together stay as they were sent."""
    made = write(circle.boss, content)
    assert made["content"] == {"text": text, "json": DOCUMENT}
    assert (made["asset_type"], made["preview"], made["comments"], made["views"]) == ("post", {"text": text}, 0, 0)
    assert circle.boss.ask("GET", f"/posts/{made['id']}") == made


def test_each_role_opens_what_it_should(circle: Circle) -> None:
    """A private post is not there for others; readers read, writers write, administrators delete."""
    post, guest = write(circle.boss)["id"], circle.person()
    for method, body in (("GET", None), ("PUT", {"content": "mine"}), ("DELETE", None)):
        guest.ask(method, f"/posts/{post}", 404, json=body)
    for role, may_write, may_delete in (("read", 403, 403), ("write", 200, 403), ("admin", 200, 200)):
        share(circle.boss, post, guest, role)
        assert guest.ask("GET", f"/posts/{post}")["role"] == role
        change(guest, post, f"as {role}", may_write)
        assert ("as " + role == circle.boss.ask("GET", f"/posts/{post}")["content"]["text"]) is (may_write == 200)
        guest.ask("DELETE", f"/posts/{post}", may_delete)
    circle.boss.ask("GET", f"/posts/{post}", 404)


@pytest.mark.parametrize(
    "said",
    [
        {"visibility": "private"},
        {"monetization": "pay-per-use"},
        {"price_usd": 2},
        {"price": 2},
        {"unit_cost": 2},
        {"unit_cost_sats": 2},
        {"cost_unit": "second"},
        {"max_billable_seconds": 9},
    ],
)
def test_writers_do_not_set_the_price(circle: Circle, said: dict[str, Any]) -> None:
    """Who sees a post, and what it costs in whichever way, is for its administrators."""
    post, guest = write(circle.boss, visibility="organization")["id"], circle.person()
    share(circle.boss, post, guest, "write")
    change(guest, post, status=403, **said)
    share(circle.boss, post, guest, "admin")
    change(guest, post, **said)


def test_nothing_comes_from_itself(circle: Circle) -> None:
    """A source that a post is the source of, or the post itself, is refused."""
    first = write(circle.boss)["id"]
    second = write(circle.boss, source_id=first)["id"]
    for source in (first, second):
        change(circle.boss, first, status=400, source_id=source)
    assert circle.boss.ask("GET", f"/posts/{first}")["source_id"] is None


def test_changes_touch_what_they_name(circle: Circle) -> None:
    """Content null, or none, keeps the content; a name left out keeps the name."""
    made = write(circle.boss, "before")
    renamed = change(circle.boss, made["id"], name="The quay")
    assert (renamed["name"], renamed["content"]["text"]) == ("The quay", "before")
    rewritten = change(circle.boss, made["id"], "**after**")
    assert (rewritten["name"], rewritten["content"]["text"]) == ("The quay", "**after**")
    assert rewritten["content"]["json"]["content"][0]["content"][0]["marks"] == [{"type": "bold"}]
    assert rewritten["preview"] == {"text": "**after**"}
    assert rewritten["last_updated"] > made["last_updated"]


def test_a_change_changes_one_field(circle: Circle) -> None:
    """Each field that is changed becomes what is said, and no other becomes anything else."""
    asset, source = write(circle.boss, visibility="organization", price_usd=1)["id"], write(circle.boss)["id"]
    follow = {"last_updated", "slug", "family_id", "price", "unit_cost"}  # from what was changed
    before = circle.boss.ask("GET", f"/assets/{asset}")
    for name, value in {
        "name": "The quay",
        "license_id": "LicenseRef-Press",
        "license_text": "Web",
        "monetization": "pay-per-use",
        "price_usd": 2,
        "price_sats": 20,
        "unit_cost_usd": 4,
        "unit_cost_sats": 40,
        "cost_accounting": "c",
        "cost_unit": "d",
        "max_billable_seconds": 5,
        "lineage_role": "result",
        "source_id": source,
        "visibility": "private",
    }.items():
        change(circle.boss, asset, **{name: value})
        after = circle.boss.ask("GET", f"/assets/{asset}")
        changed = {each for each in after if after[each] != before[each]} - follow
        assert (changed, after[name]) == ({name}, value)
        before = after


def test_a_post_for_sale_shows_strangers_no_word(circle: Circle) -> None:
    """Who has not bought a post sees its listing, finds no word of it, and is told to unlock it."""
    team = circle.boss.create_team("shop", visibility="public")["id"]
    post = write(circle.boss, "a *secret* word", visibility="monetized", price_usd=2, team_id=team)
    seen = circle.stranger().ask("GET", f"/posts/{post['id']}")
    assert (seen["price_usd"], seen["name"], seen["role"]) == (2, "The harbour", None)
    assert "content" not in seen
    assert "secret" not in str(seen)
    word = f"word{UUID(post['id']).hex}"
    change(circle.boss, post["id"], word)
    found = [circle.stranger().ask("GET", f"/search/assets?query={query}") for query in (word, word[:20])]
    assert found == [[], []]
    assert [hit["id"] for hit in circle.boss.ask("GET", f"/search/assets?query={word}")] == [post["id"]]
    stranger = circle.stranger().client
    comment = {"comment": {"parent_id": post["id"]}, "content": "let me in"}
    for response in (
        stranger.get(f"/assets/{post['id']}/comments"),
        stranger.post("/comments/create", json=comment),
        stranger.put(f"/posts/{post['id']}", json={"content": "mine"}),
    ):
        assert response.status_code == 403
        assert "Unlock" in response.json()["error"]["message"]


def test_whoever_is_mentioned_and_may_read_is_told_once(circle: Circle) -> None:
    """A mention tells a reader, and nobody twice; who may not read is told nothing, not even later of the same."""
    reader, outsider = circle.person(), circle.stranger()
    names = f"{{@{reader.member.username.upper()}}} and @{outsider.member.username}"
    post = write(circle.boss, names, visibility="organization")
    mentions = [node["attrs"] for node in post["content"]["json"]["content"][0]["content"] if node["type"] == "mention"]
    assert [mention["id"] for mention in mentions] == [reader.id, outsider.id]
    change(circle.boss, post["id"], names + " and {@nobody-there}")
    assert told(circle.server, reader) == [("mention", post["id"])]
    assert told(circle.server, outsider) == []
    newcomer = circle.person()
    change(circle.boss, post["id"], f"{names} and @{newcomer.member.username}")
    assert told(circle.server, newcomer) == [("mention", post["id"])]
    assert told(circle.server, reader) == [("mention", post["id"])]


def test_an_id_in_a_mention_is_ours(circle: Circle) -> None:
    """A caller's document cannot make a mention of one person tell another."""
    reader, other = circle.person(), circle.person()
    attrs = {"username": reader.member.username, "id": other.id}
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "mention", "attrs": attrs}]}]}
    post = write(circle.boss, {"json": document}, visibility="organization")
    assert told(circle.server, reader) == [("mention", post["id"])]
    assert told(circle.server, other) == []


def test_what_a_post_shows_and_links_to_is_connected(circle: Circle) -> None:
    """Shown assets are components, linked ones references, and a reader gets those of them that they may see."""
    shown, hidden = (make_asset(circle.server, circle.boss, visibility=seen) for seen in ("organization", "private"))
    foreign = make_asset(circle.server, circle.stranger(), visibility="private")
    embed = '```assetComponent\n{"id": "%s"}\n```\n\n'
    text = embed % shown + embed % foreign + f"[link](file:{hidden}) [none](file:{uuid4()})"
    post = write(circle.boss, text, visibility="organization")
    assert connections(circle.server, post["id"]) == {("component", shown), ("reference", hidden)}
    assert [asset["id"] for asset in post["assets"]] == [shown, hidden]
    seen = circle.person().ask("GET", f"/posts/{post['id']}")
    assert [asset["id"] for asset in seen["assets"]] == [shown]
    change(circle.boss, post["id"], "nothing")
    assert connections(circle.server, post["id"]) == set()


def part(**said: Any) -> dict[str, Any]:
    """A document of one asset that is to be made with the post."""
    attrs = {"id": ID, "assetType": "file", "viewMode": "preview", "partial": True, "partialData": said}
    return {"json": {"type": "doc", "content": [{"type": "assetComponent", "attrs": attrs}]}, "text": f"see {ID}"}


BAD = {
    "deep": "> " * 10_000,
    "long": "a" * 200_001,
    "misshapen": {"json": {"type": "doc", "content": [{"type": "text"}]}},
    "NUL in json": {"json": {"type": "doc", "content": [{"type": "text", "text": "NUL \0"}]}, "text": "a"},
    "NUL": "NUL \0",
    "number": 7,
    "part of no type": part(),
    "part that is none": {"json": {"type": "doc", "content": [
        {"type": "assetComponent", "attrs": {"id": ID, "partial": True, "partialData": "x"}}]}},
    "part of an unknown type": part(asset_type="quest"),
    "file without bytes": part(asset_type="file", name="a"),
    "file of no base64": part(asset_type="file", base64="é!", metadata={"name": "a.txt"}),
    "dataset without rows": part(asset_type="dataset", name="a"),
    "dataset of no rows": part(asset_type="dataset", data=[1]),
    "dataset with a nameless view": part(asset_type="dataset", data=[{"a": 1}], view={"name": ""}),
    "post in a post in a post": part(asset_type="post", content=part(asset_type="post", content="x")),
    "too many parts": {"json": {"type": "doc", "content": part(asset_type="post")["json"]["content"] * 21}},
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_content_that_cannot_be_kept_changes_nothing(circle: Circle, content: Any) -> None:
    """Bad content is 400, and neither is a post made nor one changed by it."""
    before = circle.server.query("select count(*) from asset where owner_id = $1", circle.boss.id)
    write(circle.boss, content, 400)
    assert circle.server.query("select count(*) from asset where owner_id = $1", circle.boss.id) == before
    post = write(circle.boss, "kept")["id"]
    change(circle.boss, post, content, 400, name="another")
    kept = circle.boss.ask("GET", f"/posts/{post}")
    assert (kept["name"], kept["content"]["text"]) == ("The harbour", "kept")


def test_what_is_written_within_a_post_is_made_with_it(circle: Circle) -> None:
    """A file and a post within a post become its children, seen by whoever sees it, and stand in its text."""
    file = part(asset_type="file", name="Tides", base64="aGk=", metadata={"name": "tides.txt"})
    inner = part(asset_type="post", name="Method", content="We **measured**.")
    document = {"type": "doc", "content": file["json"]["content"] + inner["json"]["content"]}
    document["content"][1]["attrs"]["id"] = str(uuid4())
    post = write(circle.boss, {"json": document, "text": f"see {ID}"}, visibility="organization")
    shown = [node["attrs"] for node in post["content"]["json"]["content"]]
    assert all("partial" not in attrs and "partialData" not in attrs for attrs in shown)
    reader = circle.person()
    children = reader.ask("GET", f"/assets/{post['id']}/children")
    assert {child["id"] for child in children} == {attrs["id"] for attrs in shown}
    assert [child["visibility"] for child in children] == ["inherit", "inherit"]
    assert post["content"]["text"] == f"see {shown[0]['id']}"
    assert connections(circle.server, post["id"]) == {("component", attrs["id"]) for attrs in shown}
    assert reader.client.post(f"/assets/{shown[0]['id']}/download").content == b"hi"
    assert reader.ask("GET", f"/posts/{shown[1]['id']}")["content"]["text"] == "We **measured**."
    deleted = circle.boss.ask("DELETE", f"/posts/{post['id']}?delete_children=true")
    assert {child["asset_type"] for child in deleted["deleted_children"]} == {"file", "post"}


def test_what_is_written_within_a_changed_post_is_made_once(circle: Circle) -> None:
    """A change makes what is new in the text; what is sent back as it was read stays the same asset."""
    post = write(circle.boss)["id"]
    changed = change(circle.boss, post, part(asset_type="post", name="Method", content="one"))
    again = change(circle.boss, post, changed["content"])
    assert again["content"] == changed["content"]
    assert len(circle.boss.ask("GET", f"/assets/{post}/children")) == 1


def test_nothing_stays_of_a_part_whose_post_is_refused(circle: Circle) -> None:
    """Bytes that were received for a post that nobody may make are cleared away at once."""
    content = part(asset_type="file", base64="aGk=", metadata={"name": "tides.txt"})
    write(circle.boss, content, 404, parent_id=str(uuid4()))
    write(circle.boss, content, 403, org_id=circle.stranger().member.organization)
    owner = UUID(circle.organization)
    assert circle.server.query("select from blob where organization_id = $1", owner) == []


def test_a_body_nested_ten_thousand_deep_is_the_callers_mistake(circle: Circle) -> None:
    """JSON deeper than any document is 400, however deep."""
    for levels in (200, 10_000):
        deep = '{"type":"blockquote","content":[' * levels + "]}" * levels
        body = '{"post":{},"content":{"json":{"type":"doc","content":[' + deep + "]}}}"
        response = circle.boss.client.post("/posts/create", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400, response.text


def test_other_types_are_no_posts(circle: Circle) -> None:
    """A file is 404 under /posts, whatever one asks of it."""
    other = make_asset(circle.server, circle.boss)
    for method, body in (("GET", None), ("PUT", {"content": "text"}), ("DELETE", None)):
        circle.boss.ask(method, f"/posts/{other}", 404, json=body)
    circle.boss.ask("GET", f"/assets/{other}")


def test_markdown_is_converted_without_an_envelope(circle: Circle) -> None:
    """Who writes gets the document of a markdown, mentions with their ids, and nothing is kept."""
    name = circle.boss.member.username
    response = circle.boss.client.post("/utilities/convert/from-markdown", json={"markdown": f"# Hi {{@{name}}}"})
    assert response.status_code == 200
    mention = {"type": "mention", "attrs": {"username": name, "label": name, "id": circle.boss.id}}
    heading = {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "Hi "}, mention]}
    assert response.json() == {"json": {"type": "doc", "content": [heading]}, "markdown": f"# Hi {{@{name}}}"}


def download(
    server: Server, asset: str, form: str | None, first: int = 0, last: int | None = None
) -> tuple[Download, bytes]:
    """What the kind of posts offers to download, and the bytes from the first to the last."""

    async def run() -> tuple[Download, bytes]:
        database = Database(server.postgres_url, 1)
        await database.open()
        try:
            found = await PostKind(database).find_download(UUID(asset), form)
            return found, b"".join([piece async for piece in found.read(first, last)])
        finally:
            await database.close()

    return asyncio.run(run())


def test_downloads_are_a_page_or_the_markdown(circle: Circle) -> None:
    """A post downloads as HTML, or as the markdown it was written in, whole or in part."""
    post = write(circle.boss, "# Hé\n\n<script>", name="Häfen & <Kais>")["id"]
    page, content = download(circle.server, post, None)
    assert (page.file_name, page.content_type) == ("häfen-kais.html", "text/html; charset=utf-8")
    assert page.size_bytes == len(content)
    assert "<title>Häfen &amp; &lt;Kais&gt;</title>" in content.decode()
    assert "<h1>Hé</h1>\n<p>&lt;script&gt;</p>" in content.decode()
    text, content = download(circle.server, post, "markdown")
    assert (text.file_name, content) == ("häfen-kais.md", "# Hé\n\n<script>".encode())
    assert download(circle.server, post, "markdown", 2, 4)[1] == "Hé".encode()
    with pytest.raises(InvalidRequest):
        download(circle.server, post, "csv")
    with pytest.raises(NotFound):
        download(circle.server, str(uuid4()), None)


def test_content_goes_with_its_post(circle: Circle) -> None:
    """A deleted post leaves nothing of what it said."""
    post = write(circle.boss)["id"]
    assert circle.boss.ask("DELETE", f"/posts/{post}?dry_run=true&delete_children=false")["dry_run"] is True
    deleted = circle.boss.ask("DELETE", f"/posts/{post}?dry_run=false&delete_children=true")
    assert (deleted["id"], deleted["asset_type"], deleted["deleted_children"]) == (post, "post", [])
    assert circle.server.query("select from content where asset_id = $1", UUID(post)) == []
