"""Descriptions of assets: Markdown, or rich text that is checked before it is stored."""

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
    """Return a document with these nodes."""
    return {"type": "doc", "content": list(nodes)}


def linked(href: str) -> dict[str, Any]:
    """Return a paragraph with a link."""
    return {"type": "paragraph", "content": [TEXT | {"marks": [{"type": "link", "attrs": {"href": href}}]}]}


GOOD = doc(linked("https://example.org/tide"), {"type": "chart", "attrs": {"of": [1]}})
PARTIAL: dict[str, Any] = {"id": "0b8f7b6e-1f52-4e0c-9a54-0f8f9f4d6a11", "assetType": "post", "partial": True}
WITHIN = PARTIAL | {"partialData": {"asset_type": "post", "content": "within"}}
BAD: dict[str, Any] = {
    "no document": {"json": {}},
    "unsafe link": {"json": doc(linked("java\nscript:alert(1)")), "text": "harmless"},
    "unsafe picture": {"json": doc({"type": "image", "attrs": {"src": "data:text/html,x"}})},
    "malformed": {"json": doc({"type": "heading", "attrs": {"level": 9}})},
    "deep": {"json": doc(DEEP)},
    "deep markdown": "> " * 1000,
    "brackets": {"text": "[" * 10_000},
    "large": {"json": doc({"type": "chart", "attrs": {"of": "a" * 4_200_000}})},
    "long": "a" * 200_001,
    "NUL": "a\0",
    "embedded asset": {"json": doc({"type": "assetComponent", "attrs": WITHIN})},
}


def requests(org: Organization, description: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every request with a description: of a post, dataset, file or embedded asset, new or updated."""
    post = org.admin.call("POST", "/posts/create", json={"post": {"description": "as it was"}, "content": "a"})["id"]
    dataset = make_dataset(org.admin, description="as it was")["id"]
    file = make_file(org.admin, description="as it was")["id"]
    within = PARTIAL | {"partialData": {"asset_type": "post", "content": "within", "description": description}}
    content = {"json": doc({"type": "assetComponent", "attrs": within})}
    yield "POST", "/posts/create", {"post": {"description": description}, "content": "a"}
    yield "POST", "/posts/create", {"post": {"name": "Around"}, "content": content}
    yield "PUT", f"/posts/{post}", {"post": {"description": description}}
    yield "POST", "/datasets/create/from-schema", {"dataset": {"rows": [{"id": 1}], "description": description}}
    yield "PUT", f"/datasets/{dataset}", {"dataset": {"description": description}}
    upload = upload_bytes(org.admin, b"the tide")["id"]
    yield "POST", "/files/create", {"file": {"id": upload, "description": description}}
    yield "PUT", f"/files/{file}", {"file": {"description": description}}
    replaced = {"file_name": "a.bin", "file_base64": "YQ==", "file": {"description": description}}
    yield "PUT", f"/files/{file}/content", replaced


def list_assets(org: Organization) -> list[dict[str, Any]]:
    """Return all assets that the administrator can find."""
    found: list[dict[str, Any]] = org.admin.call("GET", "/search/assets", params={"limit": 100})
    return found


def test_every_request_rejects_a_harmful_description(org: Organization) -> None:
    """Every request with a harmful description is 400, and creates and changes nothing."""
    for method, path, body in requests(org, {"json": doc(linked("javascript:alert(1)"))}):
        before = list_assets(org)
        answer = org.admin.client.request(method, path, json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert "description" in answer.json()["error"]["message"]
        assert list_assets(org) == before, path


def test_every_request_accepts_a_valid_description(org: Organization) -> None:
    """The same requests succeed with a valid description."""
    for method, path, body in requests(org, {"json": GOOD}):
        answer = org.admin.client.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.text)


@pytest.mark.parametrize("description", BAD.values(), ids=BAD)
def test_a_harmful_description_is_rejected(org: Organization, description: Any) -> None:
    """A malformed, too deep or too large description, and one with a link that could run a script, is 400."""
    answer = org.admin.client.post("/posts/create", json={"post": {"description": description}, "content": "a"})
    assert answer.status_code == 400, answer.text
    assert "description" in answer.json()["error"]["message"]


def test_a_description_comes_back_as_it_was_sent(org: Organization) -> None:
    """Markdown and documents come back as sent. A document without Markdown gets it from the server."""
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
    for description, expected in cases:
        answer = org.admin.call("PUT", f"/posts/{post}", json={"post": {"description": description}})
        assert answer["description"] == expected
        assert org.admin.call("GET", f"/assets/{post}")["description"] == expected
        org.admin.call("PUT", f"/posts/{post}", json={"post": {"name": "Tides"}})
        assert org.admin.call("GET", f"/assets/{post}")["description"] == expected


def test_the_official_client_reads_descriptions(org: Organization) -> None:
    """The official client reads back the Markdown that it sent, as text or as its own content."""
    with official_client(org.server, org.admin.member.key) as ouro:
        content = ouro.posts.Content()
        content.from_dict({"json": GOOD})
        for description, markdown in (
            ("**Low** tide", "**Low** tide"),
            (content, "[Low tide](https://example.org/tide)"),
        ):
            post = ouro.posts.create("Tides", content_markdown="a", description=description)
            retrieved = ouro.posts.retrieve(str(post.id)).description
            assert retrieved.text == markdown
            assert description_to_markdown(retrieved) == markdown
