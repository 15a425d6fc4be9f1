"""Documents as TipTap writes them: their nodes, and the checks on one that a caller sends."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import UUID_TEXT
from hallmarket.server.rich_text.links import is_safe_link

Node = dict[str, Any]
MAX_CHARACTERS = 200_000
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
DEEPEST = 100
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
TOO_DEEP = f"It is nested too deeply; it may be {DEEPEST} levels deep."


def node(kind: str, content: list[Node] | None = None, /, **attrs: Any) -> Node:
    """A node without the parts it has no use for."""
    made: Node = {"type": kind}
    if attrs:
        made["attrs"] = attrs
    if content:
        made["content"] = content
    return made


def text_node(text: str, marks: list[Node]) -> Node:
    """A piece of text under marks, the innermost first."""
    return {"type": "text", "marks": marks, "text": text} if marks else {"type": "text", "text": text}


def attribute(of: Node, name: str, default: Any = None) -> Any:
    """An attribute of a node or a mark; `default` where it has none, or null."""
    attrs = of.get("attrs")
    found = attrs.get(name) if isinstance(attrs, dict) else None
    return default if found is None else found


def children(of: Node) -> list[Node]:
    """The nodes inside a node."""
    content: list[Node] = of.get("content") or []
    return content


def walk(document: Node) -> Iterator[Node]:
    """Every node of a document, from the first to the last."""
    yield document
    for child in children(document):
        yield from walk(child)


def check_document(document: object) -> Node:
    """The document that a caller sent, if its form is sound and its links lead nowhere harmful.

    Nodes of unknown types may stand in it. Raises InvalidRequest.
    """
    if not isinstance(document, dict) or document.get("type") != "doc":
        raise InvalidRequest('Its json must be a document: an object of type "doc".')
    waiting: list[tuple[object, int]] = [(document, 1)]
    while waiting:  # a stack of our own: Python's would end before a hostile document does
        found, depth = waiting.pop()
        if depth > DEEPEST:
            raise InvalidRequest(TOO_DEEP)
        waiting += ((child, depth + 1) for child in _check_node(found))
    return document


def check_size(document: Node) -> None:
    """Raise InvalidRequest for a document that is too large."""
    if len(msgspec.json.encode(document)) > MAX_DOCUMENT_BYTES:
        raise InvalidRequest("Its json is too large; it may be 4 MiB.")


def _check_node(found: object) -> list[object]:
    """The children of a node that is in order."""
    if not isinstance(found, dict):
        raise _bad("a node must be an object")
    kind, attrs, content = found.get("type"), found.get("attrs"), found.get("content")
    if not isinstance(kind, str) or not NAME.fullmatch(kind):
        raise _bad("every node needs a type, a word")
    if not isinstance(attrs, dict | None):
        raise _bad("a node's attrs must be an object")
    if not isinstance(content, list | None):
        raise _bad("a node's content must be an array of nodes")
    if kind == "text" and not (isinstance(found.get("text"), str) and found["text"]):
        raise _bad("a text node needs a text that is not empty")
    _check_marks(found.get("marks"))
    _check_attributes(kind, attrs or {})
    return content or []


def _check_marks(marks: object) -> None:
    if not isinstance(marks, list | None):
        raise _bad("a node's marks must be an array")
    for mark in marks or []:
        if not isinstance(mark, dict) or not isinstance(mark.get("type"), str):
            raise _bad("every mark needs a type, a word")
        if not isinstance(attrs := mark.get("attrs"), dict | None):
            raise _bad("a mark's attrs must be an object")
        if mark["type"] == "link":
            _check_link((attrs or {}).get("href"), "a link's href")


def _check_attributes(kind: str, attrs: dict[str, Any]) -> None:
    if kind == "heading" and not (type(level := attrs.get("level", 1)) is int and 1 <= level <= 6):
        raise _bad("a heading's level must be a whole number from 1 to 6")
    if kind == "image":
        _check_link(attrs.get("src"), "an image's src")
    if kind == "assetComponent" and not UUID_TEXT.fullmatch(str(attrs.get("id"))):
        raise _bad("an assetComponent's id must be the UUID of an asset")


def _check_link(link: object, what: str) -> None:
    if not isinstance(link, str | None):
        raise _bad(f"{what} must be a text")
    if not is_safe_link(link or ""):
        raise _bad(f"{what} must be an address of the web, of mail, or an asset, such as post:<id>")


def _bad(why: str) -> InvalidRequest:
    return InvalidRequest(f"Its json is no document: {why}.")
