"""Markdown becomes documents, and documents become markdown."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ouro.utils.content import tiptap_to_markdown

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import check_document, check_size
from hallmarket.server.rich_text.normal import normal_document
from hallmarket.server.rich_text.read import read_content
from hallmarket.server.rich_text.read_markdown import read_markdown
from hallmarket.server.rich_text.types import RichText
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


def test_every_node_of_the_vocabulary_comes_of_markdown_and_goes_back():
    """Each node and mark has its markdown, and the document says it in the same words again."""
    document = read_markdown(EVERYTHING)
    assert kinds_in(document) == {
        "doc", "paragraph", "heading", "text", "codeBlock", "bulletList", "orderedList", "listItem", "blockquote",
        "callout", "table", "tableRow", "tableHeader", "tableCell", "image", "horizontalRule", "hardBreak", "mention",
        "mathematics", "assetComponent",
    }  # fmt: skip
    marks = [node["marks"][0] for node in document["content"][1]["content"] if "marks" in node]
    assert [mark["type"] for mark in marks] == ["bold", "italic", "strike", "code", "link"]
    assert write_markdown(document) + "\n" == EVERYTHING


def test_the_official_client_reads_documents_back():
    """What the official client makes of a document is markdown that says the same document."""
    document = read_markdown(EVERYTHING.replace("\\\n", " ").replace("x\\|y", "x"))  # it escapes nothing
    assert read_markdown(tiptap_to_markdown(document)) == document


@given(MARKDOWN)
def test_markdown_read_and_written_stays_the_same_document(markdown):
    """Markdown → document → markdown → document is the same document, whatever the markdown."""
    document = read_markdown(markdown)
    assert read_markdown(write_markdown(document)) == document
    assert check_document(document) is document


@given(DOCUMENTS)
def test_a_document_written_and_read_is_its_normal_form(document):
    """Every document that is accepted is written as markdown that reads as the document's normal form."""
    normal = normal_document(check_document(document))
    assert normal_document(normal) == normal
    assert read_markdown(write_markdown(document)) == normal


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
def test_what_is_no_markdown_stays_text(markdown, document):
    """HTML, unsafe links and addresses of mail are text as they stand there."""
    assert read_markdown(markdown) == {"type": "doc", "content": document}


def test_bare_addresses_and_names_mean_what_they_do_elsewhere():
    """An address in running text is a link, without the full stop; `@name` mentions, as the official client writes."""
    nodes = read_markdown("@Jane saw https://example.org/(a)?b=1.")["content"][0]["content"]
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
    ids=["quotes", "bullets", "numbers", "pictures", "brackets", "closed pictures", "indented", "long"],
)
def test_hostile_markdown_is_refused(markdown):
    """Ten thousand levels, and what would take seconds to read, are the caller's mistake and quickly said so."""
    with pytest.raises(InvalidRequest):
        read_markdown(markdown)


def nested(levels):
    document = {"type": "doc"}
    inner = document
    for _ in range(levels - 1):
        inner["content"] = [{"type": "blockquote"}]
        inner = inner["content"][0]
    return document


def test_the_deepest_documents_are_written_and_read():
    """A document as deep as one may be goes to markdown, back, and to HTML."""
    for kind in ("blockquote", "callout", "bulletList"):
        inner = {"type": "paragraph", "content": [{"type": "text", "text": "deep"}]}
        for _ in range(48):
            inside = {"type": "listItem" if kind == "bulletList" else kind, "content": [inner]}
            inner = {"type": kind, "content": [inside]}
        document = check_document({"type": "doc", "content": [inner]})
        assert read_markdown(write_markdown(document)) == normal_document(document)
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
def test_a_document_out_of_form_is_refused(document):
    """A document too deep, too large, misshapen, or with a link that could run something, is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        check_size(check_document(document))


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
def test_every_document_is_either_refused_or_written(document):
    """Whatever JSON calls itself a document, it is refused or becomes markdown: nothing else is raised."""
    try:
        check_size(check_document(document))
    except InvalidRequest:
        return
    assert read_markdown(write_markdown(document)) == normal_document(document)


def test_content_keeps_what_was_sent():
    """Markdown stays as it was written beside its document; a document without text gets its markdown."""
    said = asyncio.run(read_content("a  *b*"))
    assert (said.text, said.json) == ("a  *b*", read_markdown("a  *b*"))
    unknown = {"type": "doc", "content": [{"type": "chart", "attrs": {"of": [1]}}]}
    assert asyncio.run(read_content(RichText("as said", unknown))).json == unknown
    assert asyncio.run(read_content(RichText(None, read_markdown("**b**")))).text == "**b**"
    with pytest.raises(InvalidRequest):
        asyncio.run(read_content("NUL \0"))
