"""Parses markdown into a document."""

from typing import Any

from markdown_it.token import Token

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import MAX_CHARACTERS, MAX_DEPTH, TOO_DEEP, Node, node, text_node
from hallmarket.server.rich_text.markdown_dialect import MarkdownDialect
from hallmarket.server.rich_text.normalize import normalize_document

_parser = MarkdownDialect()
# The node type for each token that opens a block. The tokens that follow belong to the innermost open block.
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


def parse_markdown(markdown: str) -> Node:
    """Parse markdown into a document in normal form. Raises InvalidRequest if it is too long or too deep."""
    if len(markdown) > MAX_CHARACTERS:
        raise InvalidRequest(f"The text is too long; the limit is {MAX_CHARACTERS:,} characters.")
    try:
        tokens = _parser.parse(markdown)
    except RecursionError:  # images within the alternative texts of images
        raise InvalidRequest(TOO_DEEP) from None
    if any(token.level >= MAX_DEPTH - 1 for token in tokens):  # the parser silently drops deeper ones
        raise InvalidRequest(TOO_DEEP)
    return normalize_document({"type": "doc", "content": _parse_blocks(tokens)})


def _parse_blocks(tokens: list[Token]) -> list[Node]:
    open_contents: list[list[Node]] = [[]]
    in_title = False
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name == "alert_title":  # text that the parser adds
            in_title = token.nesting == 1
        elif name in BLOCKS and token.nesting == 1:
            block: Node = {"type": BLOCKS[name], "attrs": _attributes(name, token), "content": []}
            open_contents[-1].append(block)
            open_contents.append(block["content"])
        elif name in BLOCKS:
            open_contents.pop()
        elif token.type == "inline" and not in_title:
            open_contents[-1] += _parse_inline(token.children or [])
        elif token.type in ("fence", "code_block"):
            open_contents[-1].append(_parse_code(token))
        elif token.type == "hr":
            open_contents[-1].append(node("horizontalRule"))
    return open_contents[0]


def _attributes(name: str, token: Token) -> dict[str, Any]:
    if name == "heading":
        return {"level": int(token.tag[1:])}
    if name == "ordered_list":
        return {"start": int(token.attrGet("start") or 0) if "start" in token.attrs else 1}
    if name == "alert":
        return {"kind": token.meta["kind"].lower()}
    return {}


def _parse_code(token: Token) -> Node:
    language, text = token.info.strip().partition(" ")[0], token.content.removesuffix("\n")
    return node("codeBlock", [text_node(text, [])] if text else None, language=language or None)


def _parse_inline(tokens: list[Token]) -> list[Node]:
    """Convert the tokens of a paragraph to nodes. Marks stay in the order in which they were opened."""
    nodes: list[Node] = []
    marks: list[Node] = []
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in MARKS and token.nesting == 1:
            attrs = {"attrs": {"href": token.attrGet("href")}} if name == "link" else {}
            marks.append({"type": MARKS[name]} | attrs)
        elif name in MARKS:
            marks.pop()
        else:
            nodes += _parse_inline_token(token, list(marks))
    return nodes


def _parse_inline_token(token: Token, marks: list[Node]) -> list[Node]:
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
        return [node("image", src=token.attrGet("src"), alt=_plain_text(token.children or [])) | {"marks": marks}]
    return [text_node(token.content, marks)] if token.content else []


def _plain_text(tokens: list[Token]) -> str:
    """The alternative text of an image, without marks."""
    pieces: list[str] = []
    stack = tokens[::-1]
    while stack:
        token = stack.pop()
        if token.type == "image":
            stack += (token.children or [])[::-1]
        else:
            pieces.append(" " if token.type in ("softbreak", "hardbreak") else token.content)
    return "".join(pieces)
