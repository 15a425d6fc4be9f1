"""Writes a document as markdown that parses back to the document's normal form."""

import json
import re
from collections.abc import Iterator

from hallmarket.server.rich_text.document import Node, attribute, children
from hallmarket.server.rich_text.normalize import MAX_LIST_START, normalize_document
from hallmarket.server.rich_text.write_markdown_inline import write_inline

CLOSING_HASH = re.compile(r"(?:(?<=\s)|(?<=\s#)|(?<![^#]))#\Z")
BACKTICK_RUNS = re.compile(r"`{3,}")


def write_markdown(document: Node) -> str:
    """Write a validated document as markdown. Parts that markdown cannot express are left out."""
    return "\n".join(_write_blocks(children(normalize_document(document)), 0))


def _write_blocks(blocks: list[Node], depth: int) -> list[str]:
    """Write blocks as lines, with an empty line between blocks; `depth` is the number of lists around them."""
    lines: list[str] = []
    last: Node = {"type": "none"}
    use_other_marker = False
    for block in blocks:
        # Two lists in a row parse as one list unless their markers differ.
        use_other_marker = block["type"] == last["type"] and not use_other_marker
        if lines and not (depth and _may_touch(last, block)):
            lines.append("")
        lines += _write_block(block, depth, use_other_marker=use_other_marker)
        last = block
    return lines


def _may_touch(last: Node, block: Node) -> bool:
    """Whether a list in an item can follow a paragraph without an empty line: only if it can interrupt a paragraph."""
    if last["type"] != "paragraph" or block["type"] not in ("bulletList", "orderedList"):
        return False
    first = children(children(block)[0])[0]
    return "content" in first and attribute(block, "start", 1) == 1


def _write_block(block: Node, depth: int, *, use_other_marker: bool) -> list[str]:
    kind, inside = block["type"], children(block)
    if kind in ("paragraph", "image"):
        return write_inline(inside if kind == "paragraph" else [block]).split("\n")
    if kind == "heading":
        return [_write_heading(attribute(block, "level", 1), write_inline(inside))]
    if kind == "codeBlock":
        return _write_fenced(attribute(block, "language", ""), "".join(piece["text"] for piece in inside))
    if kind == "assetComponent":
        return _write_fenced("assetComponent", json.dumps(block["attrs"], ensure_ascii=False))
    if kind in ("bulletList", "orderedList"):
        return [line for item in _write_items(block, depth, use_other_marker=use_other_marker) for line in item]
    if kind == "table":
        return _write_table(inside)
    if kind == "horizontalRule":
        return ["___"]  # `---` and `***` could parse as lists
    title = [f"[!{attribute(block, 'kind').upper()}]"] if kind == "callout" else []
    return [f"> {line}" if line else ">" for line in title + _write_blocks(inside, depth)]


def _write_heading(level: int, text: str) -> str:
    return f"{'#' * level} {CLOSING_HASH.sub(chr(92) + '#', text)}".rstrip()


def _write_fenced(language: str | None, text: str) -> list[str]:
    fence = "`" * max([3, *(len(run) + 1 for run in BACKTICK_RUNS.findall(text))])
    return [fence + (language or ""), *(text.split("\n") if text else []), fence]


def _write_items(block: Node, depth: int, *, use_other_marker: bool) -> Iterator[list[str]]:
    start = attribute(block, "start", 1)
    # Markers alternate by level. Otherwise empty items within items would parse as a rule: `- - -`.
    bullet = "*" if use_other_marker else "-+"[depth % 2]
    for number, item in enumerate(children(block), start):
        ordered = f"{min(number, MAX_LIST_START)}{')' if use_other_marker else '.'}"
        marker = ordered if block["type"] == "orderedList" else bullet
        first, *rest = _write_blocks(children(item), depth + 1)
        indent = " " * (len(marker) + 1)
        yield [f"{marker} {first}".rstrip(" "), *(indent + line if line else "" for line in rest)]


def _write_table(rows: list[Node]) -> list[str]:
    lines = [_write_row([write_inline(children(children(cell)[0])) for cell in children(row)]) for row in rows]
    return [lines[0], _write_row(["---"] * len(children(rows[0]))), *lines[1:]]


def _write_row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
