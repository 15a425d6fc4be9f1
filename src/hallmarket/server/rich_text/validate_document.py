"""Validates a document that a caller sent: its structure, its limits and its links."""

import re
from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.rich_text.document import MAX_DEPTH, MAX_DOCUMENT_BYTES, TOO_DEEP, Node
from hallmarket.server.rich_text.links import is_safe_link

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def validate_document(document: object) -> Node:
    """Return the document if its structure is valid and its links are safe. Raises InvalidRequest.

    Nodes of unknown types are allowed.
    """
    if not isinstance(document, dict) or document.get("type") != "doc":
        raise InvalidRequest('The json must be a document: an object of type "doc".')
    stack: list[tuple[object, int]] = [(document, 1)]
    while stack:  # not recursive: a hostile document can be deeper than Python's stack
        found, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidRequest(TOO_DEEP)
        stack += ((child, depth + 1) for child in _validate_node(found))
    return document


def verify_size(document: Node) -> None:
    """Raise InvalidRequest if the document is larger than MAX_DOCUMENT_BYTES as JSON."""
    if len(msgspec.json.encode(document)) > MAX_DOCUMENT_BYTES:
        raise InvalidRequest("The json is too large; the limit is 4 MiB.")


def _validate_node(found: object) -> list[object]:
    """Validate a node without its children, and return these."""
    if not isinstance(found, dict):
        raise _invalid("a node must be an object")
    kind, attrs, content = found.get("type"), found.get("attrs"), found.get("content")
    if not isinstance(kind, str) or not NAME.fullmatch(kind):
        raise _invalid("every node needs a type, which must be a word")
    if not isinstance(attrs, dict | None):
        raise _invalid("a node's attrs must be an object")
    if not isinstance(content, list | None):
        raise _invalid("a node's content must be an array of nodes")
    if kind == "text" and not (isinstance(found.get("text"), str) and found["text"]):
        raise _invalid("a text node needs a text, which must be a string that is not empty")
    _validate_marks(found.get("marks"))
    _validate_attributes(kind, attrs or {})
    return content or []


def _validate_marks(marks: object) -> None:
    if not isinstance(marks, list | None):
        raise _invalid("a node's marks must be an array")
    for mark in marks or []:
        if not isinstance(mark, dict) or not isinstance(mark.get("type"), str):
            raise _invalid("every mark needs a type, which must be a string")
        if not isinstance(attrs := mark.get("attrs"), dict | None):
            raise _invalid("a mark's attrs must be an object")
        if mark["type"] == "link":
            _validate_link((attrs or {}).get("href"), "a link's href")


def _validate_attributes(kind: str, attrs: dict[str, Any]) -> None:
    if kind == "heading" and not (type(level := attrs.get("level", 1)) is int and 1 <= level <= 6):
        raise _invalid("a heading's level must be an integer from 1 to 6")
    if kind == "image":
        _validate_link(attrs.get("src"), "an image's src")
    if kind == "assetComponent" and not UUID_PATTERN.fullmatch(str(attrs.get("id"))):
        raise _invalid("an assetComponent's id must be the UUID of an asset")


def _validate_link(link: object, what: str) -> None:
    if not isinstance(link, str | None):
        raise _invalid(f"{what} must be a string")
    if not is_safe_link(link or ""):
        raise _invalid(f"{what} must be a web or mail address, or an asset such as post:<id>")


def _invalid(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The json is not a valid document: {reason}.")
