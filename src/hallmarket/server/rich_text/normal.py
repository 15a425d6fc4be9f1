"""The normal form of a document: what markdown can say of it, and the one way to write that down."""

import json
import re
from typing import Any

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import UUID_TEXT
from hallmarket.server.rich_text.dialect import CLOSED_BY, USERNAME, tidy_latex
from hallmarket.server.rich_text.document import Node, attribute, children, node, text_node
from hallmarket.server.rich_text.links import is_safe_link, tidy_link

KINDS = ("note", "tip", "important", "warning", "caution")
CELL = {"colspan": 1, "rowspan": 1, "colwidth": None}
MAX_CELLS = 50_000
MAX_LIST_START = 999_999_999
# Readers of documents wrap text in its marks one after the other, so the innermost stands first.
MARKS = ("code", "strike", "italic", "bold", "link")
INLINE = ("text", "hardBreak", "mention", "mathematics")
LANGUAGE = re.compile(r"[A-Za-z0-9_.+#-]{1,64}")
# Control characters, halves of pairs and code points that are none: nothing to read, and no way to write them.
NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def normal_document(document: Node) -> Node:
    """A document of known nodes only, each with its known attributes; twice is as once."""
    return {"type": "doc", "content": normal_blocks(children(document))}


def normal_blocks(nodes: list[Node]) -> list[Node]:
    """Blocks in normal form; texts that stand among them become paragraphs."""
    made: list[Node] = []
    texts: list[Node] = []
    for found in nodes:
        if found["type"] in INLINE:
            texts.append(found)
            continue
        made += _paragraph(texts)
        texts = []
        # What nobody knows stands for what it holds.
        made += BLOCKS[found["type"]](found) if found["type"] in BLOCKS else normal_blocks(children(found))
    return made + _paragraph(texts)


def normal_inline(nodes: list[Node], *, one_line: bool = False) -> list[Node]:
    """Texts in normal form: pieces under the same marks are one, and no line break ends them."""
    made: list[Node] = []
    for piece in _pieces(nodes):
        last = made[-1] if made else {}
        if one_line and piece["type"] == "hardBreak":
            piece = text_node(" ", [])
        if piece["type"] == last.get("type") == "text" and piece.get("marks") == last.get("marks"):
            made[-1] = last | {"text": last["text"] + piece["text"]}
        else:
            made.append(piece)
    while made and made[-1]["type"] == "hardBreak":
        made.pop()
    return made


def tidy_text(text: str) -> str:
    """A text without what nobody can read."""
    return NO_TEXT.sub("", text)


def _paragraph(texts: list[Node]) -> list[Node]:
    content = normal_inline(texts)
    if len(content) == 1 and content[0]["type"] == "image" and "marks" not in content[0]:
        return content
    return [node("paragraph", content)] if content else []


def _heading(found: Node) -> list[Node]:
    return [node("heading", normal_inline(children(found), one_line=True), level=attribute(found, "level", 1))]


def _code(found: Node) -> list[Node]:
    text = tidy_text("".join(_all_text(found)))
    language = str(attribute(found, "language", ""))
    if language == "assetComponent" and (asset := _read_asset(text)) is not None:
        return [asset]
    known = LANGUAGE.fullmatch(language)
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
    return node("listItem", _filled(children(found) if found["type"] == "listItem" else [found]))


def _filled(nodes: list[Node]) -> list[Node]:
    """Blocks, or an empty paragraph: editors need something to put the caret in."""
    return normal_blocks(nodes) or [node("paragraph")]


def _quote(found: Node) -> list[Node]:
    return [node("blockquote", _filled(children(found)))]


def _callout(found: Node) -> list[Node]:
    kind = str(attribute(found, "kind", "")).lower()
    return [node("callout", _filled(children(found)), kind=kind if kind in KINDS else "note")]


def _table(found: Node) -> list[Node]:
    """A table whose first row is its header, with as many cells in every row."""
    rows = [[_cell_content(cell) for cell in children(row)] for row in children(found)]
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        raise InvalidRequest(f"A table may have {MAX_CELLS:,} cells.")
    return [node("table", [_row(row, width, first=row is rows[0]) for row in rows])] if width else []


def _row(row: list[list[Node]], width: int, *, first: bool) -> Node:
    kind = "tableHeader" if first else "tableCell"
    cells = row + [[]] * (width - len(row))
    return node("tableRow", [node(kind, [node("paragraph", content)], **CELL) for content in cells])


def _cell_content(cell: Node) -> list[Node]:
    """A cell's texts on one line, with a space between what were blocks."""
    texts: list[Node] = []
    for block in children(cell):
        inline = block["type"] in (*INLINE, "image")
        if texts and not inline:
            texts.append(text_node(" ", []))
        texts += [block] if inline else children(block)
    return normal_inline(texts, one_line=True)


def _rule(_found: Node) -> list[Node]:
    return [node("horizontalRule")]


def _image_block(found: Node) -> list[Node]:
    return _image(found, [])


def _asset(found: Node) -> list[Node]:
    asset = _tidy_asset(found.get("attrs"))
    return [] if asset is None else [asset]


def _read_asset(text: str) -> Node | None:
    try:
        return _tidy_asset(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _tidy_asset(attrs: Any) -> Node | None:
    """A block that shows an asset, from whatever says which; None if that says none."""
    if not isinstance(attrs, dict) or not UUID_TEXT.fullmatch(str(attrs.get("id"))):
        return None
    kind, config = attrs.get("assetType"), attrs.get("displayConfig")
    made = {
        "id": str(attrs["id"]).lower(),
        "assetType": kind if isinstance(kind, str) and LANGUAGE.fullmatch(kind) else "asset",
        "viewMode": "preview" if attrs.get("viewMode") == "preview" else "card",
    }
    return node("assetComponent", None, **made, **({"displayConfig": config} if _is_config(config) else {}))


def _is_config(config: Any) -> bool:
    """Whether a way to show an asset is an object that comes back from JSON as it went in."""
    try:
        return isinstance(config, dict) and bool(config) and json.loads(json.dumps(config, allow_nan=False)) == config
    except (ValueError, RecursionError):
        return False


def _pieces(nodes: list[Node]) -> list[Node]:
    made: list[Node] = []
    for found in nodes:
        make = PIECES.get(found["type"])
        made += _pieces(children(found)) if make is None else make(found, _marks(found))
    return made


def _marks(found: Node) -> list[Node]:
    """The marks of a piece that markdown has, the innermost first."""
    given: dict[str, Node] = {mark["type"]: mark for mark in found.get("marks") or []}
    made: list[Node] = []
    for kind in MARKS:
        if kind == "link" and kind in given:
            href = tidy_link(str(attribute(given[kind], "href", "")))
            made += [{"type": "link", "attrs": {"href": href}}] if is_safe_link(href) else []
        elif kind in given:
            made.append({"type": kind})
    return made


def _text(found: Node, marks: list[Node]) -> list[Node]:
    """A text, with breaks where it has new lines; code has none."""
    text = tidy_text(found["text"])
    if {"type": "code"} in marks:
        text = text.replace("\n", " ")
    made: list[Node] = []
    for number, line in enumerate(text.split("\n")):
        made += [node("hardBreak")] if number else []
        made += [text_node(line, marks)] if line else []
    return made


def _break(_found: Node, _marks: list[Node]) -> list[Node]:
    return [node("hardBreak")]


def _mention(found: Node, marks: list[Node]) -> list[Node]:
    name = str(attribute(found, "username") or attribute(found, "label") or attribute(found, "id", ""))
    if not re.fullmatch(USERNAME, name):
        return _text(text_node("@" + name, []), _without_code(marks))
    return [_marked(node("mention", username=name, label=name), marks)]


def _mathematics(found: Node, marks: list[Node]) -> list[Node]:
    latex, display = tidy_latex(tidy_text(str(attribute(found, "latex", "")))), attribute(found, "displayMode", False)
    display = str(display).lower() == "true"
    if CLOSED_BY["[" if display else "("] in latex:
        return [text_node(latex, [{"type": "code"}, *_without_code(marks)])]
    return [_marked(node("mathematics", latex=latex, displayMode=display), marks)] if latex else []


def _image(found: Node, marks: list[Node]) -> list[Node]:
    src = tidy_link(str(attribute(found, "src", "")))
    if not is_safe_link(src):
        return []
    alt = tidy_text(str(attribute(found, "alt", ""))).replace("\n", " ")
    return [_marked(node("image", src=src, alt=alt), marks)]


def _marked(found: Node, marks: list[Node]) -> Node:
    """A piece that is no text under its marks; only text can be code."""
    return found | {"marks": marks} if (marks := _without_code(marks)) else found


def _without_code(marks: list[Node]) -> list[Node]:
    return [mark for mark in marks if mark["type"] != "code"]


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
PIECES = {"text": _text, "hardBreak": _break, "mention": _mention, "mathematics": _mathematics, "image": _image}
