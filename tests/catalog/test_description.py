"""Descriptions: markdown, or rich text that was looked at before it was kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from ouro.utils.content import description_to_markdown

from _support.clients import official_client
from _support.datasets import make_dataset
from _support.files import make_file, upload_bytes
from _support.organizations import Organization

TEXT = {"type": "text", "text": "Low tide"}
DEEP: dict[str, Any] = {"type": "blockquote"}
for _ in range(100):
    DEEP = {"type": "blockquote", "content": [DEEP]}


def doc(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A document of nodes."""
    return {"type": "doc", "content": list(nodes)}


def linked(href: str) -> dict[str, Any]:
    """A paragraph with a link."""
    return {"type": "paragraph", "content": [TEXT | {"marks": [{"type": "link", "attrs": {"href": href}}]}]}


GOOD = doc(linked("https://example.org/tide"), {"type": "chart", "attrs": {"of": [1]}})
PARTIAL: dict[str, Any] = {"id": "0b8f7b6e-1f52-4e0c-9a54-0f8f9f4d6a11", "assetType": "post", "partial": True}
WITHIN = PARTIAL | {"partialData": {"asset_type": "post", "content": "within"}}
BAD: dict[str, Any] = {
    "no document": {"json": {}},
    "unsafe link": {"json": doc(linked("java\nscript:alert(1)")), "text": "harmless"},
    "unsafe picture": {"json": doc({"type": "image", "attrs": {"src": "data:text/html,x"}})},
    "misshapen": {"json": doc({"type": "heading", "attrs": {"level": 9}})},
    "deep": {"json": doc(DEEP)},
    "deep markdown": "> " * 1000,
    "brackets": {"text": "[" * 10_000},
    "large": {"json": doc({"type": "chart", "attrs": {"of": "a" * 4_200_000}})},
    "long": "a" * 200_001,
    "NUL": "a\0",
    "made within": {"json": doc({"type": "assetComponent", "attrs": WITHIN})},
}


def bodies(org: Organization, said: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every way to say a description: of a post, a dataset, a file, an asset within a post, new or changed."""
    post = org.admin.call("POST", "/posts/create", json={"post": {"description": "as it was"}, "content": "a"})["id"]
    dataset = make_dataset(org.admin, description="as it was")["id"]
    file = make_file(org.admin, description="as it was")["id"]
    within = PARTIAL | {"partialData": {"asset_type": "post", "content": "within", "description": said}}
    content = {"json": doc({"type": "assetComponent", "attrs": within})}
    yield "POST", "/posts/create", {"post": {"description": said}, "content": "a"}
    yield "POST", "/posts/create", {"post": {"name": "Around"}, "content": content}
    yield "PUT", f"/posts/{post}", {"post": {"description": said}}
    yield "POST", "/datasets/create/from-schema", {"dataset": {"rows": [{"id": 1}], "description": said}}
    yield "PUT", f"/datasets/{dataset}", {"dataset": {"description": said}}
    upload = upload_bytes(org.admin, b"the tide")["id"]
    yield "POST", "/files/create", {"file": {"id": upload, "description": said}}
    yield "PUT", f"/files/{file}", {"file": {"description": said}}
    replaced = {"file_name": "a.bin", "file_base64": "YQ==", "file": {"description": said}}
    yield "PUT", f"/files/{file}/content", replaced


def listed(org: Organization) -> list[dict[str, Any]]:
    """All assets that the administrator finds."""
    found: list[dict[str, Any]] = org.admin.call("GET", "/search/assets", params={"limit": 100})
    return found


def test_every_way_to_a_description_is_guarded(org: Organization) -> None:
    """Whatever asset it is of, new or old, a harmful description is refused, and nothing is made or changed."""
    for method, path, body in bodies(org, {"json": doc(linked("javascript:alert(1)"))}):
        before = listed(org)
        answer = org.admin.client.request(method, path, json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert "description" in answer.json()["error"]["message"]
        assert listed(org) == before, path


def test_every_way_to_a_description_is_open(org: Organization) -> None:
    """The same requests are taken where the description is sound."""
    for method, path, body in bodies(org, {"json": GOOD}):
        answer = org.admin.client.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.text)


@pytest.mark.parametrize("said", BAD.values(), ids=BAD)
def test_a_harmful_description_is_refused(org: Organization, said: Any) -> None:
    """One misshapen, too deep, too large, or with a link that could run something, is the caller's mistake."""
    answer = org.admin.client.post("/posts/create", json={"post": {"description": said}, "content": "a"})
    assert answer.status_code == 400, answer.text
    assert "description" in answer.json()["error"]["message"]


def test_a_description_comes_back_as_it_was_sent(org: Organization) -> None:
    """Markdown stays the string it is; a document stays as it is, with its markdown beside it if that was not sent."""
    markdown = "**Low** [tide](https://example.org/tide)"
    cases = [
        (markdown, markdown),
        ({"text": markdown}, markdown),
        ("", ""),
        (None, None),
        ({"json": GOOD, "text": "as said"}, {"json": GOOD, "text": "as said"}),
        ({"json": GOOD}, {"json": GOOD, "text": "[Low tide](https://example.org/tide)"}),
    ]
    post = org.admin.call("POST", "/posts/create", json={"post": {"name": "Tides"}, "content": "a"})["id"]
    for said, kept in cases:
        answer = org.admin.call("PUT", f"/posts/{post}", json={"post": {"description": said}})
        assert answer["description"] == kept
        assert org.admin.call("GET", f"/assets/{post}")["description"] == kept
        org.admin.call("PUT", f"/posts/{post}", json={"post": {"name": "Tides"}})
        assert org.admin.call("GET", f"/assets/{post}")["description"] == kept


def test_the_official_client_reads_descriptions(org: Organization) -> None:
    """What the official client sends, as markdown or as its own content, it reads back as the same markdown."""
    with official_client(org.server, org.admin.member.key) as ouro:
        content = ouro.posts.Content()
        content.from_dict({"json": GOOD})
        for said, markdown in (("**Low** tide", "**Low** tide"), (content, "[Low tide](https://example.org/tide)")):
            post = ouro.posts.create("Tides", content_markdown="a", description=said)
            description = ouro.posts.retrieve(str(post.id)).description
            assert description.text == markdown
            assert description_to_markdown(description) == markdown
