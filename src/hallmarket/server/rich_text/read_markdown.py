"""Markdown becomes a document."""

from typing import Any

from markdown_it.token import Token

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.dialect import Dialect
from hallmarket.server.rich_text.document import DEEPEST, MAX_CHARACTERS, TOO_DEEP, Node, node, text_node
from hallmarket.server.rich_text.normal import normal_document

DIALECT = Dialect()
# Tokens that open a node, by the node's type; the innermost open one takes what follows.
BLOCKS = {
    "paragraph": "paragraph",
    "heading": "heading",
    "bullet_list": "bulletList",
    "ordered_list": "orderedList",
    "list_item": "listItem",
    "blockquote": "blockquote",
    "alert": "callout",
    "table": "table",
    "tr": "tableRow",
    "th": "tableHeader",
    "td": "tableCell",
}
MARKS = {"strong": "bold", "em": "italic", "s": "strike", "link": "link"}


def read_markdown(markdown: str) -> Node:
    """The document that a markdown text says. Raises InvalidRequest for one too long or too deep."""
    if len(markdown) > MAX_CHARACTERS:
        raise InvalidRequest(f"It is too long; it may have {MAX_CHARACTERS:,} characters.")
    try:
        tokens = DIALECT.parse(markdown)
    except RecursionError:  # pictures within pictures' texts
        raise InvalidRequest(TOO_DEEP) from None
    if any(token.level >= DEEPEST - 1 for token in tokens):  # deeper ones the parser leaves out without a word
        raise InvalidRequest(TOO_DEEP)
    return normal_document({"type": "doc", "content": _read_blocks(tokens)})


def _read_blocks(tokens: list[Token]) -> list[Node]:
    opened: list[list[Node]] = [[]]
    in_title = False
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name == "alert_title":  # the parser's own words, which nobody wrote
            in_title = token.nesting == 1
        elif name in BLOCKS and token.nesting == 1:
            made: Node = {"type": BLOCKS[name], "attrs": _attributes(name, token), "content": []}
            opened[-1].append(made)
            opened.append(made["content"])
        elif name in BLOCKS:
            opened.pop()
        elif token.type == "inline" and not in_title:
            opened[-1] += _read_inline(token.children or [])
        elif token.type in ("fence", "code_block"):
            opened[-1].append(_read_code(token))
        elif token.type == "hr":
            opened[-1].append(node("horizontalRule"))
    return opened[0]


def _attributes(name: str, token: Token) -> dict[str, Any]:
    if name == "heading":
        return {"level": int(token.tag[1:])}
    if name == "ordered_list":
        return {"start": int(token.attrGet("start") or 0) if "start" in token.attrs else 1}
    if name == "alert":
        return {"kind": token.meta["kind"].lower()}
    return {}


def _read_code(token: Token) -> Node:
    language, text = token.info.strip().partition(" ")[0], token.content.removesuffix("\n")
    return node("codeBlock", [text_node(text, [])] if text else None, language=language or None)


def _read_inline(tokens: list[Token]) -> list[Node]:
    """The nodes of one text; marks are kept in the order in which they were opened."""
    made: list[Node] = []
    marks: list[Node] = []
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in MARKS and token.nesting == 1:
            attrs = {"attrs": {"href": token.attrGet("href")}} if name == "link" else {}
            marks.append({"type": MARKS[name]} | attrs)
        elif name in MARKS:
            marks.pop()
        else:
            made += _read_piece(token, list(marks))
    return made


def _read_piece(token: Token, marks: list[Node]) -> list[Node]:
    if token.type == "hardbreak":
        return [node("hardBreak")]
    if token.type == "softbreak":
        return [text_node(" ", marks)]
    if token.type == "code_inline":
        return [text_node(token.content, [{"type": "code"}, *marks])]
    if token.type == "mention":
        return [node("mention", username=token.content) | {"marks": marks}]
    if token.type == "mathematics":
        return [node("mathematics", latex=token.content, displayMode=token.meta["display"]) | {"marks": marks}]
    if token.type == "image":
        return [node("image", src=token.attrGet("src"), alt=_plain(token.children or [])) | {"marks": marks}]
    return [text_node(token.content, marks)] if token.content else []


def _plain(tokens: list[Token]) -> str:
    """A picture's text without its marks."""
    pieces: list[str] = []
    waiting = tokens[::-1]
    while waiting:
        token = waiting.pop()
        if token.type == "image":
            waiting += (token.children or [])[::-1]
        else:
            pieces.append(" " if token.type in ("softbreak", "hardbreak") else token.content)
    return "".join(pieces)
