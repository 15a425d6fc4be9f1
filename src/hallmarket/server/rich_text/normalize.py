"""The normal form of a document: the part of it that markdown can express, written in one way.

Markdown and HTML are written from this form.
"""

import json
import re
from typing import Any

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.rich_text.document import Node, attribute, children, node, text_node
from hallmarket.server.rich_text.normalize_inline import normalize_image, normalize_inline, normalize_text

CALLOUTS = ("note", "tip", "important", "warning", "caution")
CELL_ATTRIBUTES = {"colspan": 1, "rowspan": 1, "colwidth": None}
MAX_CELLS = 50_000
MAX_LIST_START = 999_999_999
INLINE = ("text", "hardBreak", "mention", "mathematics")
WORD = re.compile(r"[A-Za-z0-9_.+#-]{1,64}")  # a code block's language, an asset's type


def normalize_document(document: Node) -> Node:
    """Reduce a document to known nodes with their known attributes. Doing so again changes nothing."""
    return {"type": "doc", "content": normalize_blocks(children(document))}


def normalize_blocks(nodes: list[Node]) -> list[Node]:
    """Normalise blocks; inline nodes between them become paragraphs."""
    result: list[Node] = []
    texts: list[Node] = []
    for found in nodes:
        if found["type"] in INLINE:
            texts.append(found)
            continue
        result += _paragraph(texts)
        texts = []
        # A node of an unknown type is replaced by its content.
        result += BLOCKS[found["type"]](found) if found["type"] in BLOCKS else normalize_blocks(children(found))
    return result + _paragraph(texts)


def _paragraph(texts: list[Node]) -> list[Node]:
    content = normalize_inline(texts)
    if len(content) == 1 and content[0]["type"] == "image" and "marks" not in content[0]:
        return content
    return [node("paragraph", content)] if content else []


def _heading(found: Node) -> list[Node]:
    return [node("heading", normalize_inline(children(found), one_line=True), level=attribute(found, "level", 1))]


def _code(found: Node) -> list[Node]:
    text = normalize_text("".join(_all_text(found)))
    language = str(attribute(found, "language", ""))
    if language == "assetComponent" and (asset := _read_asset(text)) is not None:
        return [asset]
    known = WORD.fullmatch(language)
    return [node("codeBlock", [text_node(text, [])] if text else None, language=known[0] if known else None)]


def _all_text(found: Node) -> list[str]:
    if found["type"] == "text":
        return [found["text"]]
    return ["\n"] if found["type"] == "hardBreak" else [text for child in children(found) for text in _all_text(child)]


def _list(found: Node) -> list[Node]:
    items = [_item(child) for child in children(found)]
    if not items:
        return []
    if found["type"] == "bulletList":
        return [node("bulletList", items)]
    start = attribute(found, "start", 1)
    return [node("orderedList", items, start=start if type(start) is int and 0 <= start <= MAX_LIST_START else 1)]


def _item(found: Node) -> Node:
    return node("listItem", _blocks_or_paragraph(children(found) if found["type"] == "listItem" else [found]))


def _blocks_or_paragraph(nodes: list[Node]) -> list[Node]:
    """Normalise blocks; if there are none, return an empty paragraph, so that an editor can put the cursor there."""
    return normalize_blocks(nodes) or [node("paragraph")]


def _quote(found: Node) -> list[Node]:
    return [node("blockquote", _blocks_or_paragraph(children(found)))]


def _callout(found: Node) -> list[Node]:
    kind = str(attribute(found, "kind", "")).lower()
    return [node("callout", _blocks_or_paragraph(children(found)), kind=kind if kind in CALLOUTS else "note")]


def _table(found: Node) -> list[Node]:
    """Normalise a table: its first row is the header, and all rows have the same number of cells."""
    rows = [[_cell_content(cell) for cell in children(row)] for row in children(found)]
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        raise InvalidRequest(f"A table may have at most {MAX_CELLS:,} cells.")
    return [node("table", [_row(row, width, first=row is rows[0]) for row in rows])] if width else []


def _row(row: list[list[Node]], width: int, *, first: bool) -> Node:
    kind = "tableHeader" if first else "tableCell"
    cells = row + [[]] * (width - len(row))
    return node("tableRow", [node(kind, [node("paragraph", content)], **CELL_ATTRIBUTES) for content in cells])


def _cell_content(cell: Node) -> list[Node]:
    """The inline content of a cell on one line, with spaces between its blocks."""
    texts: list[Node] = []
    for block in children(cell):
        inline = block["type"] in (*INLINE, "image")
        if texts and not inline:
            texts.append(text_node(" ", []))
        texts += [block] if inline else children(block)
    return normalize_inline(texts, one_line=True)


def _rule(_found: Node) -> list[Node]:
    return [node("horizontalRule")]


def _image_block(found: Node) -> list[Node]:
    return normalize_image(found, [])


def _asset(found: Node) -> list[Node]:
    asset = _normalize_asset(found.get("attrs"))
    return [] if asset is None else [asset]


def _read_asset(text: str) -> Node | None:
    try:
        return _normalize_asset(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _normalize_asset(attrs: Any) -> Node | None:
    """Make the block that shows an asset from its attributes; None if they name no asset."""
    if not isinstance(attrs, dict) or not UUID_PATTERN.fullmatch(str(attrs.get("id"))):
        return None
    kind, config = attrs.get("assetType"), attrs.get("displayConfig")
    known = {
        "id": str(attrs["id"]).lower(),
        "assetType": kind if isinstance(kind, str) and WORD.fullmatch(kind) else "asset",
        "viewMode": "preview" if attrs.get("viewMode") == "preview" else "card",
    }
    return node("assetComponent", None, **known, **({"displayConfig": config} if _is_config(config) else {}))


def _is_config(config: Any) -> bool:
    """Whether a display configuration is an object that survives a round trip through JSON."""
    try:
        return isinstance(config, dict) and bool(config) and json.loads(json.dumps(config, allow_nan=False)) == config
    except (ValueError, RecursionError):
        return False


BLOCKS = {
    "paragraph": lambda found: _paragraph(children(found)),
    "heading": _heading,
    "codeBlock": _code,
    "bulletList": _list,
    "orderedList": _list,
    "blockquote": _quote,
    "callout": _callout,
    "table": _table,
    "horizontalRule": _rule,
    "image": _image_block,
    "assetComponent": _asset,
}
