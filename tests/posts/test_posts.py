"""Posts: access, content in both forms, mentions, connections and embedded assets."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from _support.servers import Server
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.posts.content_provider import PostContentProvider
from rich_text.documents import ID

DOCUMENT = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hello"}]}]}


def write(who: User, content: Any = "hello", status: int = 200, **post: Any) -> Any:
    """Create a post, private by default."""
    post = {"name": "The harbour", "visibility": "private"} | post
    return who.call("POST", "/posts/create", status, json={"post": post, "content": content})


def change(who: User, post_id: str, content: Any = None, status: int = 200, **post: Any) -> Any:
    """Update a post."""
    return who.call("PUT", f"/posts/{post_id}", status, json={"post": post, "content": content})


def share(who: User, asset: str, person: User, role: str) -> None:
    """Grant a person a role."""
    who.call("PUT", f"/assets/{asset}/share", json={"permission": {"user": {"user_id": person.id}, "role": role}})


def notifications(server: Server, person: User) -> list[tuple[str, str]]:
    """Return the type and asset of each of a person's notifications."""
    rows = server.query(
        "select type, asset_id::text as asset from notification where destination_id = $1 order by created_on, id",
        person.id,
    )
    return [(row["type"], row["asset"]) for row in rows]


def connections(server: Server, asset: str) -> set[tuple[str, str]]:
    """Return the type and target of each of an asset's connections."""
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
def test_content_has_both_forms(org: Organization, content: Any, text: str) -> None:
    """Markdown gets a document, a document gets Markdown, and content with both stays as sent."""
    made = write(org.admin, content)
    assert made["content"] == {"text": text, "json": DOCUMENT}
    assert (made["asset_type"], made["preview"], made["comments"], made["views"]) == ("post", {"text": text}, 0, 0)
    assert org.admin.call("GET", f"/posts/{made['id']}") == made


def test_each_role_allows_what_it_should(org: Organization) -> None:
    """A private post is 404 for others. Readers read, writers write, and administrators delete."""
    post, guest = write(org.admin)["id"], org.new_user()
    for method, body in (("GET", None), ("PUT", {"content": "mine"}), ("DELETE", None)):
        guest.call(method, f"/posts/{post}", 404, json=body)
    for role, may_write, may_delete in (("read", 403, 403), ("write", 200, 403), ("admin", 200, 200)):
        share(org.admin, post, guest, role)
        assert guest.call("GET", f"/posts/{post}")["role"] == role
        change(guest, post, f"as {role}", may_write)
        assert ("as " + role == org.admin.call("GET", f"/posts/{post}")["content"]["text"]) is (may_write == 200)
        guest.call("DELETE", f"/posts/{post}", may_delete)
    org.admin.call("GET", f"/posts/{post}", 404)


@pytest.mark.parametrize(
    "fields",
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
def test_writers_cannot_change_the_price(org: Organization, fields: dict[str, Any]) -> None:
    """Only administrators can change a post's visibility and prices."""
    post, guest = write(org.admin, visibility="organization")["id"], org.new_user()
    share(org.admin, post, guest, "write")
    change(guest, post, status=403, **fields)
    share(org.admin, post, guest, "admin")
    change(guest, post, **fields)


def test_an_asset_cannot_be_its_own_source(org: Organization) -> None:
    """A post's source cannot be the post itself, or a post that derives from it."""
    first = write(org.admin)["id"]
    second = write(org.admin, source_id=first)["id"]
    for source in (first, second):
        change(org.admin, first, status=400, source_id=source)
    assert org.admin.call("GET", f"/posts/{first}")["source_id"] is None


def test_unset_fields_do_not_change(org: Organization) -> None:
    """Without content, or with null, a post keeps its content; without a name it keeps its name."""
    made = write(org.admin, "before")
    renamed = change(org.admin, made["id"], name="The quay")
    assert (renamed["name"], renamed["content"]["text"]) == ("The quay", "before")
    rewritten = change(org.admin, made["id"], "**after**")
    assert (rewritten["name"], rewritten["content"]["text"]) == ("The quay", "**after**")
    assert rewritten["content"]["json"]["content"][0]["content"][0]["marks"] == [{"type": "bold"}]
    assert rewritten["preview"] == {"text": "**after**"}
    assert rewritten["last_updated"] > made["last_updated"]


def test_an_update_changes_only_the_sent_fields(org: Organization) -> None:
    """A sent field gets the sent value, and no other field changes."""
    asset, source = write(org.admin, visibility="organization", price_usd=1)["id"], write(org.admin)["id"]
    derived = {"last_updated", "slug", "family_id", "price", "unit_cost"}  # from the changed field
    before = org.admin.call("GET", f"/assets/{asset}")
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
        change(org.admin, asset, **{name: value})
        after = org.admin.call("GET", f"/assets/{asset}")
        changed = {field for field in after if after[field] != before[field]} - derived
        assert (changed, after[name]) == ({name}, value)
        before = after


def test_a_post_for_sale_hides_its_content(org: Organization) -> None:
    """A person who has not bought a post sees its listing only, cannot search its content, and gets `Unlock`."""
    team = org.admin.create_team("shop", visibility="public")["id"]
    post = write(org.admin, "a *secret* word", visibility="monetized", price_usd=2, team_id=team)
    seen = org.new_outsider().call("GET", f"/posts/{post['id']}")
    assert (seen["price_usd"], seen["name"], seen["role"]) == (2, "The harbour", None)
    assert "content" not in seen
    assert "secret" not in str(seen)
    word = f"word{UUID(post['id']).hex}"
    change(org.admin, post["id"], word)
    found = [org.new_outsider().call("GET", f"/search/assets?query={query}") for query in (word, word[:20])]
    assert found == [[], []]
    assert [hit["id"] for hit in org.admin.call("GET", f"/search/assets?query={word}")] == [post["id"]]
    outsider = org.new_outsider().client
    comment = {"comment": {"parent_id": post["id"]}, "content": "let me in"}
    for response in (
        outsider.get(f"/assets/{post['id']}/comments"),
        outsider.post("/comments/create", json=comment),
        outsider.put(f"/posts/{post['id']}", json={"content": "mine"}),
    ):
        assert response.status_code == 403
        assert "Unlock" in response.json()["error"]["message"]


def test_mentioned_readers_are_notified_once(org: Organization) -> None:
    """A mention notifies a person once, if they may read the post, and never a person who may not."""
    reader, outsider = org.new_user(), org.new_outsider()
    names = f"{{@{reader.member.username.upper()}}} and @{outsider.member.username}"
    post = write(org.admin, names, visibility="organization")
    mentions = [node["attrs"] for node in post["content"]["json"]["content"][0]["content"] if node["type"] == "mention"]
    assert [mention["id"] for mention in mentions] == [reader.id, outsider.id]
    change(org.admin, post["id"], names + " and {@nobody-there}")
    assert notifications(org.server, reader) == [("mention", post["id"])]
    assert notifications(org.server, outsider) == []
    newcomer = org.new_user()
    change(org.admin, post["id"], f"{names} and @{newcomer.member.username}")
    assert notifications(org.server, newcomer) == [("mention", post["id"])]
    assert notifications(org.server, reader) == [("mention", post["id"])]


def test_the_server_sets_the_id_of_a_mention(org: Organization) -> None:
    """An id that the author sends in a mention is replaced, so that it cannot notify another person."""
    reader, other = org.new_user(), org.new_user()
    attrs = {"username": reader.member.username, "id": other.id}
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "mention", "attrs": attrs}]}]}
    post = write(org.admin, {"json": document}, visibility="organization")
    assert notifications(org.server, reader) == [("mention", post["id"])]
    assert notifications(org.server, other) == []


def test_embedded_and_linked_assets_are_connected(org: Organization) -> None:
    """Embedded assets are components and linked ones references. A reader gets those that they may see."""
    shown, hidden = (make_asset(org.server, org.admin, visibility=seen) for seen in ("organization", "private"))
    foreign = make_asset(org.server, org.new_outsider(), visibility="private")
    embed = '```assetComponent\n{"id": "%s"}\n```\n\n'
    text = embed % shown + embed % foreign + f"[link](file:{hidden}) [none](file:{uuid4()})"
    post = write(org.admin, text, visibility="organization")
    assert connections(org.server, post["id"]) == {("component", shown), ("reference", hidden)}
    assert [asset["id"] for asset in post["assets"]] == [shown, hidden]
    seen = org.new_user().call("GET", f"/posts/{post['id']}")
    assert [asset["id"] for asset in seen["assets"]] == [shown]
    change(org.admin, post["id"], "nothing")
    assert connections(org.server, post["id"]) == set()


def embed(**data: Any) -> dict[str, Any]:
    """Return content that embeds one new asset."""
    attrs = {"id": ID, "assetType": "file", "viewMode": "preview", "partial": True, "partialData": data}
    return {"json": {"type": "doc", "content": [{"type": "assetComponent", "attrs": attrs}]}, "text": f"see {ID}"}


BAD = {
    "deep": "> " * 10_000,
    "long": "a" * 200_001,
    "malformed": {"json": {"type": "doc", "content": [{"type": "text"}]}},
    "NUL in json": {"json": {"type": "doc", "content": [{"type": "text", "text": "NUL \0"}]}, "text": "a"},
    "NUL": "NUL \0",
    "number": 7,
    "embedded asset without a type": embed(),
    "embedded asset not an object": {"json": {"type": "doc", "content": [
        {"type": "assetComponent", "attrs": {"id": ID, "partial": True, "partialData": "x"}}]}},
    "embedded asset of an unknown type": embed(asset_type="quest"),
    "file without bytes": embed(asset_type="file", name="a"),
    "file not in base64": embed(asset_type="file", base64="é!", metadata={"name": "a.txt"}),
    "dataset without rows": embed(asset_type="dataset", name="a"),
    "dataset with invalid rows": embed(asset_type="dataset", data=[1]),
    "dataset with a view without a name": embed(asset_type="dataset", data=[{"a": 1}], view={"name": ""}),
    "post in a post in a post": embed(asset_type="post", content=embed(asset_type="post", content="x")),
    "too many embedded assets": {"json": {"type": "doc", "content": embed(asset_type="post")["json"]["content"] * 21}},
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_invalid_content_changes_nothing(org: Organization, content: Any) -> None:
    """Invalid content is 400, and neither creates nor changes a post."""
    before = org.server.query("select count(*) from asset where owner_id = $1", org.admin.id)
    write(org.admin, content, 400)
    assert org.server.query("select count(*) from asset where owner_id = $1", org.admin.id) == before
    post = write(org.admin, "unchanged")["id"]
    change(org.admin, post, content, 400, name="another")
    unchanged = org.admin.call("GET", f"/posts/{post}")
    assert (unchanged["name"], unchanged["content"]["text"]) == ("The harbour", "unchanged")


def test_embedded_assets_are_created_with_the_post(org: Organization) -> None:
    """An embedded file and an embedded post become children of the post, with its visibility and in its text."""
    file = embed(asset_type="file", name="Tides", base64="aGk=", metadata={"name": "tides.txt"})
    inner = embed(asset_type="post", name="Method", content="We **measured**.")
    document = {"type": "doc", "content": file["json"]["content"] + inner["json"]["content"]}
    document["content"][1]["attrs"]["id"] = str(uuid4())
    post = write(org.admin, {"json": document, "text": f"see {ID}"}, visibility="organization")
    shown = [node["attrs"] for node in post["content"]["json"]["content"]]
    assert all("partial" not in attrs and "partialData" not in attrs for attrs in shown)
    reader = org.new_user()
    children = reader.call("GET", f"/assets/{post['id']}/children")
    assert {child["id"] for child in children} == {attrs["id"] for attrs in shown}
    assert [child["visibility"] for child in children] == ["inherit", "inherit"]
    assert post["content"]["text"] == f"see {shown[0]['id']}"
    assert connections(org.server, post["id"]) == {("component", attrs["id"]) for attrs in shown}
    assert reader.client.post(f"/assets/{shown[0]['id']}/download").content == b"hi"
    assert reader.call("GET", f"/posts/{shown[1]['id']}")["content"]["text"] == "We **measured**."
    deleted = org.admin.call("DELETE", f"/posts/{post['id']}?delete_children=true")
    assert {child["asset_type"] for child in deleted["deleted_children"]} == {"file", "post"}


def test_an_update_creates_new_embedded_assets_only(org: Organization) -> None:
    """An update creates the embedded assets that are new; those that are sent back as they were read stay the same."""
    post = write(org.admin)["id"]
    changed = change(org.admin, post, embed(asset_type="post", name="Method", content="one"))
    again = change(org.admin, post, changed["content"])
    assert again["content"] == changed["content"]
    assert len(org.admin.call("GET", f"/assets/{post}/children")) == 1


def test_a_rejected_post_leaves_no_embedded_bytes(org: Organization) -> None:
    """The bytes of an embedded file are deleted immediately if its post is rejected."""
    content = embed(asset_type="file", base64="aGk=", metadata={"name": "tides.txt"})
    write(org.admin, content, 404, parent_id=str(uuid4()))
    write(org.admin, content, 403, org_id=org.new_outsider().member.organization)
    owner = UUID(org.id)
    assert org.server.query("select from blob where organization_id = $1", owner) == []


def test_a_deeply_nested_body_is_rejected(org: Organization) -> None:
    """JSON that is nested too deeply is 400, at any depth."""
    for levels in (200, 10_000):
        deep = '{"type":"blockquote","content":[' * levels + "]}" * levels
        body = '{"post":{},"content":{"json":{"type":"doc","content":[' + deep + "]}}}"
        response = org.admin.client.post("/posts/create", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400, response.text


def test_other_types_are_not_found_as_posts(org: Organization) -> None:
    """A file is 404 under /posts, for every method."""
    other = make_asset(org.server, org.admin)
    for method, body in (("GET", None), ("PUT", {"content": "text"}), ("DELETE", None)):
        org.admin.call(method, f"/posts/{other}", 404, json=body)
    org.admin.call("GET", f"/assets/{other}")


def test_markdown_is_converted_without_an_envelope(org: Organization) -> None:
    """The conversion returns a document with the ids of mentioned people, and stores nothing."""
    name = org.admin.member.username
    response = org.admin.client.post("/utilities/convert/from-markdown", json={"markdown": f"# Hi {{@{name}}}"})
    assert response.status_code == 200
    mention = {"type": "mention", "attrs": {"username": name, "label": name, "id": org.admin.id}}
    heading = {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "Hi "}, mention]}
    assert response.json() == {"json": {"type": "doc", "content": [heading]}, "markdown": f"# Hi {{@{name}}}"}


def download(
    server: Server, asset: str, form: str | None, first: int = 0, last: int | None = None
) -> tuple[Download, bytes]:
    """Return the download of a post, and its bytes from the first to the last."""

    async def run() -> tuple[Download, bytes]:
        database = Database(server.postgres_url, 1)
        await database.open()
        try:
            found = await PostContentProvider(database).get_download(UUID(asset), form)
            return found, b"".join([piece async for piece in found.read(first, last)])
        finally:
            await database.close()

    return asyncio.run(run())


def test_downloads_are_html_or_markdown(org: Organization) -> None:
    """A post downloads as HTML, or as the Markdown that was sent, whole or in part."""
    post = write(org.admin, "# Hé\n\n<script>", name="Häfen & <Kais>")["id"]
    page, content = download(org.server, post, None)
    assert (page.file_name, page.content_type) == ("häfen-kais.html", "text/html; charset=utf-8")
    assert page.size_bytes == len(content)
    assert "<title>Häfen &amp; &lt;Kais&gt;</title>" in content.decode()
    assert "<h1>Hé</h1>\n<p>&lt;script&gt;</p>" in content.decode()
    text, content = download(org.server, post, "markdown")
    assert (text.file_name, content) == ("häfen-kais.md", "# Hé\n\n<script>".encode())
    assert download(org.server, post, "markdown", 2, 4)[1] == "Hé".encode()
    with pytest.raises(InvalidRequest):
        download(org.server, post, "csv")
    with pytest.raises(NotFound):
        download(org.server, str(uuid4()), None)


def test_deleting_a_post_deletes_its_content(org: Organization) -> None:
    """Deleting a post deletes its content."""
    post = write(org.admin)["id"]
    assert org.admin.call("DELETE", f"/posts/{post}?dry_run=true&delete_children=false")["dry_run"] is True
    deleted = org.admin.call("DELETE", f"/posts/{post}?dry_run=false&delete_children=true")
    assert (deleted["id"], deleted["asset_type"], deleted["deleted_children"]) == (post, "post", [])
    assert org.server.query("select from content where asset_id = $1", UUID(post)) == []
