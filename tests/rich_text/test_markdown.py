"""Markdown becomes documents, documents become markdown, and invalid ones are rejected."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ouro.utils.content import tiptap_to_markdown

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.normalize import normalize_document
from hallmarket.server.rich_text.parse_markdown import parse_markdown
from hallmarket.server.rich_text.read_content import read_content
from hallmarket.server.rich_text.types import RichText
from hallmarket.server.rich_text.validate_document import validate_document, verify_size
from hallmarket.server.rich_text.write_html import write_html
from hallmarket.server.rich_text.write_markdown import write_markdown
from rich_text.documents import DOCUMENTS, ID, MARKDOWN

EVERYTHING = f"""\
# Findings

Some **bold**, *italic*, ~~gone~~ `code` and a [link](https://example.org/a).\\
{{@jane}} saw \\(E=mc^2\\), ![a plot](file:{ID}), and \\[a^2\\].

> [!WARNING]
> Check the units.

> Said before.

- one
  + two

3. three
4. four

| a | b |
| --- | --- |
| 1 | x\\|y |

```python
print("hi")
```

```assetComponent
{{"id": "{ID}", "assetType": "dataset", "viewMode": "preview", "displayConfig": {{"visualizationId": null}}}}
```

![a plot](file:{ID})

___
"""


def kinds_in(node):
    return {node["type"]} | {kind for child in node.get("content", []) for kind in kinds_in(child)}


def test_every_node_and_mark():
    """Each node and mark can be written in markdown, and the document is written as the same markdown."""
    document = parse_markdown(EVERYTHING)
    assert kinds_in(document) == {
        "doc", "paragraph", "heading", "text", "codeBlock", "bulletList", "orderedList", "listItem", "blockquote",
        "callout", "table", "tableRow", "tableHeader", "tableCell", "image", "horizontalRule", "hardBreak", "mention",
        "mathematics", "assetComponent",
    }  # fmt: skip
    marks = [node["marks"][0] for node in document["content"][1]["content"] if "marks" in node]
    assert [mark["type"] for mark in marks] == ["bold", "italic", "strike", "code", "link"]
    assert write_markdown(document) + "\n" == EVERYTHING


def test_official_client():
    """The markdown that the official client makes from a document parses to the same document."""
    document = parse_markdown(EVERYTHING.replace("\\\n", " ").replace("x\\|y", "x"))  # the client does not escape
    assert parse_markdown(tiptap_to_markdown(document)) == document


@given(MARKDOWN)
def test_markdown_round_trip(markdown):
    """Markdown → document → markdown → document gives the same document for any markdown."""
    document = parse_markdown(markdown)
    assert parse_markdown(write_markdown(document)) == document
    assert validate_document(document) is document


@given(DOCUMENTS)
def test_document_round_trip(document):
    """Every valid document is written as markdown that parses to the document's normal form."""
    normal = normalize_document(validate_document(document))
    assert normalize_document(normal) == normal
    assert parse_markdown(write_markdown(document)) == normal


@pytest.mark.parametrize(
    ("markdown", "document"),
    [
        ("plain", [{"type": "paragraph", "content": [{"type": "text", "text": "plain"}]}]),
        ("", []),
        ("<b onclick=x>hi", [{"type": "paragraph", "content": [{"type": "text", "text": "<b onclick=x>hi"}]}]),
        ("[x](javascript:a)", [{"type": "paragraph", "content": [{"type": "text", "text": "[x](javascript:a)"}]}]),
        ("a@b.c", [{"type": "paragraph", "content": [{"type": "text", "text": "a@b.c"}]}]),
    ],
)
def test_plain_text(markdown, document):
    """HTML, unsafe links and mail addresses stay text."""
    assert parse_markdown(markdown) == {"type": "doc", "content": document}


def test_urls_and_mentions_in_running_text():
    """A URL in running text is a link, without the full stop; `@name` is a mention, as in the official client."""
    nodes = parse_markdown("@Jane saw https://example.org/(a)?b=1.")["content"][0]["content"]
    assert nodes[0] == {"type": "mention", "attrs": {"username": "Jane", "label": "Jane"}}
    assert nodes[2]["text"] == "https://example.org/(a)?b=1"
    assert nodes[3]["text"] == "."


@pytest.mark.parametrize(
    "markdown",
    [
        *(opening * 10_000 for opening in ("> ", "+ ", "1. ", "![", "[")),
        "![" * 10_000 + "](u)" * 10_000,
        "".join("  " * depth + "- a\n" for depth in range(120)),
        "a" * 200_001,
    ],
    ids=["quotes", "bullets", "numbers", "images", "brackets", "closed images", "indented", "long"],
)
def test_hostile_markdown(markdown):
    """Markdown that is nested too deeply, or that would take seconds to parse, is rejected quickly."""
    with pytest.raises(InvalidRequest):
        parse_markdown(markdown)


def nested(levels):
    document = {"type": "doc"}
    inner = document
    for _ in range(levels - 1):
        inner["content"] = [{"type": "blockquote"}]
        inner = inner["content"][0]
    return document


def test_deepest_documents():
    """A document of the maximum depth is written as markdown and HTML, and parsed back."""
    for kind in ("blockquote", "callout", "bulletList"):
        inner = {"type": "paragraph", "content": [{"type": "text", "text": "deep"}]}
        for _ in range(48):
            inside = {"type": "listItem" if kind == "bulletList" else kind, "content": [inner]}
            inner = {"type": kind, "content": [inside]}
        document = validate_document({"type": "doc", "content": [inner]})
        assert parse_markdown(write_markdown(document)) == normalize_document(document)
        assert "deep" in write_html(document, "")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"type": "paragraph"},
        nested(101),
        nested(10_000),
        *({"type": "doc", "content": content} for content in ("a", [1], [{}], [{"type": 1}], [{"type": "a b"}])),
        *(
            {"type": "doc", "content": [node]}
            for node in (
                {"type": "text", "text": ""},
                {"type": "text"},
                {"type": "text", "text": "a", "marks": "bold"},
                {"type": "text", "text": "a", "marks": [{"type": "link", "attrs": {"href": "java\nscript:x"}}]},
                {"type": "text", "text": "a", "marks": [{"type": "link", "attrs": {"href": 1}}]},
                {"type": "heading", "attrs": {"level": 7}},
                {"type": "heading", "attrs": {"level": True}},
                {"type": "heading", "attrs": []},
                {"type": "image", "attrs": {"src": "data:text/html,x"}},
                {"type": "assetComponent", "attrs": {"id": "x"}},
                {"type": "x", "attrs": {"long": "a" * 5_000_000}},
            )
        ),
    ],
    ids=lambda document: json.dumps(document)[:60] if not isinstance(document, dict) else None,
)
def test_invalid_documents(document):
    """A document that is too deep, too large, malformed, or has an unsafe link is an InvalidRequest."""
    with pytest.raises(InvalidRequest):
        verify_size(validate_document(document))


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
NAMES = st.sampled_from(["level", "src", "language", "start", "kind", "username", "alt", "latex"])
LEAF_PARTS = {
    "text": st.text(max_size=3),
    "attrs": st.dictionaries(NAMES, JSON),
    "marks": st.lists(st.fixed_dictionaries({"type": st.sampled_from(["bold", "link"])}, optional={"attrs": JSON})),
}
LEAVES = st.sampled_from(["text", "heading", "image", "table", "mention", "codeBlock", "listItem"])
PARENTS = st.sampled_from(["bulletList", "orderedList", "table", "tableRow", "paragraph", "unknown"])
LOOSE = st.recursive(
    st.fixed_dictionaries({"type": LEAVES}, optional=LEAF_PARTS),
    lambda inner: st.fixed_dictionaries({"type": PARENTS, "content": st.lists(inner, max_size=3)}),
    max_leaves=6,
)


@given(st.fixed_dictionaries({"type": st.just("doc"), "content": st.lists(LOOSE | JSON, max_size=3)}))
def test_any_json(document):
    """Any JSON that claims to be a document is rejected or becomes markdown; nothing else is raised."""
    try:
        verify_size(validate_document(document))
    except InvalidRequest:
        return
    assert parse_markdown(write_markdown(document)) == normalize_document(document)


def test_content_is_stored_as_sent():
    """Markdown is stored as it was written, with its document; a document without text gets its markdown."""
    content = asyncio.run(read_content("a  *b*"))
    assert (content.text, content.json) == ("a  *b*", parse_markdown("a  *b*"))
    unknown = {"type": "doc", "content": [{"type": "chart", "attrs": {"of": [1]}}]}
    assert asyncio.run(read_content(RichText("as sent", unknown))).json == unknown
    assert asyncio.run(read_content(RichText(None, parse_markdown("**b**")))).text == "**b**"
    with pytest.raises(InvalidRequest):
        asyncio.run(read_content("NUL \0"))
