"""Hypothesis strategies for random documents and random markdown."""

from typing import Any

from hypothesis import strategies as st

ID = "0b8f7b6e-1f52-4e0c-9a54-0f8f9f4d6a11"
# Characters that have a meaning in markdown, and some that look like them.
ALPHABET = "ab1 \t\n\\`*_~[](){}<>#+-=|:!@&;.$%^\"'/é\u00a0\u2028\u2003漢😀\x1c\x7f"
WORDS = [
    "http://",
    "https://a.b",
    "{@a}",
    "@a",
    "\\(x\\)",
    "\\[",
    "\\]",
    "[!NOTE]",
    "&amp;",
    "&#32;",
    "- ",
    "1. ",
    "](u)",
    "![",
    "www.",
]
TEXTS = st.lists(st.text(ALPHABET, min_size=1, max_size=4) | st.sampled_from(WORDS), min_size=1, max_size=4).map(
    "".join
)
LINKS = st.sampled_from(["https://example.org/a(b)?c=1&copy;", "/x y", "", f"post:{ID}", "mailto:a@b.c", "#[x]"])


def _mark(kind: str, /, **attrs: Any) -> dict[str, Any]:
    return {"type": kind} | ({"attrs": attrs} if attrs else {})


MARKS = st.lists(
    st.sampled_from(["bold", "italic", "strike", "code", "underline"]).map(_mark)
    | LINKS.map(lambda href: _mark("link", href=href)),
    max_size=3,
)


def _node(kind: str, content: list[Any] | None = None, /, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, **({"attrs": attrs} if attrs else {}), **({} if content is None else {"content": content})}


ATOMS = st.one_of(
    st.just(_node("hardBreak")),
    st.sampled_from(["a", "Jane.D", "no name", "-"]).map(lambda name: _node("mention", username=name)),
    st.tuples(TEXTS, st.booleans()).map(lambda parts: _node("mathematics", latex=parts[0], displayMode=parts[1])),
    st.tuples(LINKS, TEXTS).map(lambda parts: _node("image", src=parts[0], alt=parts[1])),
    TEXTS.map(lambda text: _node("emoji", [{"type": "text", "text": text}])),
)
INLINE = st.lists(
    st.tuples(TEXTS, MARKS).map(lambda parts: {"type": "text", "text": parts[0], "marks": parts[1]})
    | st.tuples(ATOMS, MARKS).map(lambda parts: parts[0] | {"marks": parts[1]}),
    max_size=4,
)
PARAGRAPHS = INLINE.map(lambda content: _node("paragraph", content))
LEAVES = st.one_of(
    PARAGRAPHS,
    st.tuples(INLINE, st.integers(1, 6)).map(lambda parts: _node("heading", parts[0], level=parts[1])),
    st.tuples(TEXTS, st.sampled_from([None, "python", "a b", "assetComponent"])).map(
        lambda parts: _node("codeBlock", [{"type": "text", "text": parts[0]}], language=parts[1])
    ),
    st.just(_node("horizontalRule")),
    st.tuples(LINKS, TEXTS).map(lambda parts: _node("image", src=parts[0], alt=parts[1])),
    st.sampled_from([{}, {"filter": [1, None, {"a": "```"}]}]).map(
        lambda config: _node("assetComponent", id=ID, assetType="file", viewMode="preview", displayConfig=config)
    ),
    st.lists(st.lists(st.lists(PARAGRAPHS, max_size=2), max_size=3), max_size=3).map(
        lambda rows: _node("table", [_node("tableRow", [_node("tableCell", cell) for cell in row]) for row in rows])
    ),
)


def _containers(blocks: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    contents = st.lists(blocks, max_size=3)
    items = st.lists(contents.map(lambda content: _node("listItem", content)), max_size=3)
    return st.one_of(
        contents.map(lambda content: _node("blockquote", content)),
        contents.map(lambda content: _node("callout", content, kind="warning")),
        contents.map(lambda content: _node("columns", content)),
        items.map(lambda content: _node("bulletList", content)),
        st.tuples(items, st.sampled_from([1, 0, 7, 999_999_999])).map(
            lambda parts: _node("orderedList", parts[0], start=parts[1])
        ),
    )


BLOCKS = st.recursive(LEAVES, _containers, max_leaves=6)
DOCUMENTS = st.lists(BLOCKS, max_size=4).map(lambda content: _node("doc", content))
LINES = st.lists(
    st.sampled_from(
        [
            "> ",
            "- ",
            "* ",
            "  ",
            "    ",
            "1. ",
            "2) ",
            "# ",
            "```",
            "~~~ x",
            "---",
            "| a | b |",
            "|---|",
            "\n",
            "\n\n",
            "\\\n",
            "  \n",
            "> [!TIP]\n",
            "**",
            "*",
            "_",
            "~~",
            "`",
            "[a](b)",
            "![a](b)",
            "[a]: b\n",
            "[a]",
            "<http://a>",
            "\t",
            "===\n",
            "\\[",
        ]
    )
    | TEXTS,
    max_size=14,
)
MARKDOWN = LINES.map("".join)
