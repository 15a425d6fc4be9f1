"""The normal form of inline content: pieces of text with their marks, mentions, mathematics and images."""

import re

from hallmarket.server.rich_text.document import Node, attribute, children, node, text_node
from hallmarket.server.rich_text.links import is_safe_link, normalize_link
from hallmarket.server.rich_text.markdown_dialect import CLOSING, USERNAME, normalize_latex

# TipTap applies marks one after the other, so the innermost comes first.
MARKS = ("code", "strike", "italic", "bold", "link")
# Control characters, surrogates and noncharacters, which are invisible and cannot be written as markdown.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def normalize_inline(nodes: list[Node], *, one_line: bool = False) -> list[Node]:
    """Normalise inline nodes: join texts with the same marks, and drop line breaks at the end."""
    result: list[Node] = []
    for piece in _normalize_pieces(nodes):
        last = result[-1] if result else {}
        if one_line and piece["type"] == "hardBreak":
            piece = text_node(" ", [])
        if piece["type"] == last.get("type") == "text" and piece.get("marks") == last.get("marks"):
            result[-1] = last | {"text": last["text"] + piece["text"]}
        else:
            result.append(piece)
    while result and result[-1]["type"] == "hardBreak":
        result.pop()
    return result


def normalize_text(text: str) -> str:
    """Remove unprintable characters."""
    return UNPRINTABLE.sub("", text)


def _normalize_pieces(nodes: list[Node]) -> list[Node]:
    result: list[Node] = []
    for found in nodes:
        normalize = PIECES.get(found["type"])
        # A node of an unknown type is replaced by its content.
        result += _normalize_pieces(children(found)) if normalize is None else normalize(found, _marks(found))
    return result


def _marks(found: Node) -> list[Node]:
    """The marks of a node that markdown can express, the innermost first."""
    given: dict[str, Node] = {mark["type"]: mark for mark in found.get("marks") or []}
    result: list[Node] = []
    for kind in MARKS:
        if kind == "link" and kind in given:
            href = normalize_link(str(attribute(given[kind], "href", "")))
            result += [{"type": "link", "attrs": {"href": href}}] if is_safe_link(href) else []
        elif kind in given:
            result.append({"type": kind})
    return result


def _text(found: Node, marks: list[Node]) -> list[Node]:
    """Split a text at its newlines, with hard breaks between; in code a newline becomes a space."""
    text = normalize_text(found["text"])
    if {"type": "code"} in marks:
        text = text.replace("\n", " ")
    result: list[Node] = []
    for number, line in enumerate(text.split("\n")):
        result += [node("hardBreak")] if number else []
        result += [text_node(line, marks)] if line else []
    return result


def _break(_found: Node, _marks: list[Node]) -> list[Node]:
    return [node("hardBreak")]


def _mention(found: Node, marks: list[Node]) -> list[Node]:
    name = str(attribute(found, "username") or attribute(found, "label") or attribute(found, "id", ""))
    if not re.fullmatch(USERNAME, name):
        return _text(text_node("@" + name, []), _without_code(marks))
    return [_with_marks(node("mention", username=name, label=name), marks)]


def _mathematics(found: Node, marks: list[Node]) -> list[Node]:
    latex = normalize_latex(normalize_text(str(attribute(found, "latex", ""))))
    display = str(attribute(found, "displayMode", False)).lower() == "true"
    if CLOSING["[" if display else "("] in latex:
        return [text_node(latex, [{"type": "code"}, *_without_code(marks)])]
    return [_with_marks(node("mathematics", latex=latex, displayMode=display), marks)] if latex else []


def normalize_image(found: Node, marks: list[Node]) -> list[Node]:
    """Normalise an image; empty if its link is not safe."""
    src = normalize_link(str(attribute(found, "src", "")))
    if not is_safe_link(src):
        return []
    alt = normalize_text(str(attribute(found, "alt", ""))).replace("\n", " ")
    return [_with_marks(node("image", src=src, alt=alt), marks)]


def _with_marks(found: Node, marks: list[Node]) -> Node:
    """Add marks to a node that is not text. Only text can be code."""
    return found | {"marks": marks} if (marks := _without_code(marks)) else found


def _without_code(marks: list[Node]) -> list[Node]:
    return [mark for mark in marks if mark["type"] != "code"]


PIECES = {
    "text": _text,
    "hardBreak": _break,
    "mention": _mention,
    "mathematics": _mathematics,
    "image": normalize_image,
}
