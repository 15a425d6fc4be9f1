"""Documents in TipTap's JSON form: limits, and helpers for their nodes."""

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
MAX_CHARACTERS = 200_000
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
TOO_DEEP = f"The text is nested too deeply; the limit is {MAX_DEPTH} levels."


def node(kind: str, content: list[Node] | None = None, /, **attrs: Any) -> Node:
    """Make a node; attributes and content that are empty are left out."""
    result: Node = {"type": kind}
    if attrs:
        result["attrs"] = attrs
    if content:
        result["content"] = content
    return result


def text_node(text: str, marks: list[Node]) -> Node:
    """Make a text node with marks, the innermost first."""
    return {"type": "text", "marks": marks, "text": text} if marks else {"type": "text", "text": text}


def attribute(found: Node, name: str, default: Any = None) -> Any:
    """Get an attribute of a node or mark; `default` if it is missing or null."""
    attrs = found.get("attrs")
    value = attrs.get(name) if isinstance(attrs, dict) else None
    return default if value is None else value


def children(found: Node) -> list[Node]:
    """Get the nodes inside a node."""
    content: list[Node] = found.get("content") or []
    return content


def walk(document: Node) -> Iterator[Node]:
    """Yield every node of a document, each before its children."""
    yield document
    for child in children(document):
        yield from walk(child)
