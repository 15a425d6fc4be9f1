"""Writes inline content as markdown, escaped so that it parses back unchanged."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace

from hallmarket.server.rich_text.document import Node, attribute

DELIMITERS = {"bold": "**", "italic": "*", "strike": "~~"}
OUTERMOST_FIRST = ("link", "bold", "italic", "strike")
# Characters that have a meaning anywhere in a line.
SPECIAL = re.compile(
    r"[\\`*~]"
    r"|(?<![A-Za-z0-9]{2})_|_(?![A-Za-z0-9]{2})"  # inside a word it is text
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?[A-Za-z0-9]+;)"
    r"|\{(?=@)"
    r"|(?<![A-Za-z0-9]{2})@(?=[A-Za-z0-9])"
    r"|(?<=http):(?=//)|(?<=https):(?=//)"
    r"|!\Z"
)
# Characters that have a meaning at the beginning of a line.
BLOCK_MARKER = re.compile(r"[#>+=|:-]|\d{1,9}(?=[.)](?:\s|\Z))")
# Entities, because a backslash before a bracket begins mathematics.
BRACKETS = str.maketrans({"[": "&#91;", "]": "&#93;"})
CLOSING_BRACKET = re.compile(r"\](?=\(|\Z)")
ENTITY = re.compile(r"&(?=#?[A-Za-z0-9]+;)")


@dataclass
class Piece:
    """A piece of markdown: `text`, whose characters may be escaped further; `open` or `close` of a mark; or `whole`."""

    kind: str
    markdown: str


def write_inline(nodes: list[Node]) -> str:
    """Write inline nodes in normal form. The only newlines are those of hard breaks."""
    lines: list[list[Node]] = [[]]
    for found in nodes:
        if found["type"] == "hardBreak":
            lines.append([])
        else:
            lines[-1].append(found)
    return "\\\n".join(_write_line(line) for line in lines)


def _write_line(nodes: list[Node]) -> str:
    pieces = list(_write_marked(nodes, OUTERMOST_FIRST, in_label=False))
    if pieces and pieces[0].kind == "text" and pieces[0].markdown.startswith("["):
        pieces[0].markdown = "&#91;" + pieces[0].markdown[1:]  # otherwise it could define a link or begin an alert
    _separate_delimiters(pieces)
    _protect_delimiters(pieces)
    return _escape_line("".join(piece.markdown for piece in pieces))


def _escape_line(line: str) -> str:
    """Escape what would begin another block, and the whitespace that a parser would strip."""
    if found := BLOCK_MARKER.match(line):
        end = found.end() if found[0].isdigit() else 0
        line = line[:end] + "\\" + line[end:]
    if line[:1].isspace():
        line = _entity(line[0]) + line[1:]
    return line[:-1] + _entity(line[-1]) if line[-1:].isspace() else line


def _write_marked(nodes: list[Node], marks: tuple[str, ...], *, in_label: bool) -> Iterator[Piece]:
    """Yield the pieces of nodes; put each run of nodes that have the first of these marks inside that mark."""
    if not marks:
        for found in nodes:
            yield _write_piece(found, in_label=in_label)
        return
    for mark, run in groupby(nodes, lambda found: _mark(found, marks[0])):
        inside = list(run)
        if mark is None:
            yield from _write_marked(inside, marks[1:], in_label=in_label)
        elif marks[0] == "link":
            yield from _link(str(attribute(mark, "href", "")), inside, marks[1:])
        else:
            yield Piece("open", DELIMITERS[marks[0]])
            yield from _write_marked(inside, marks[1:], in_label=in_label)
            yield Piece("close", DELIMITERS[marks[0]])


def _mark(found: Node, kind: str) -> Node | None:
    return next((mark for mark in found.get("marks", ()) if mark["type"] == kind), None)


def _link(href: str, inside: list[Node], marks: tuple[str, ...]) -> Iterator[Piece]:
    if [found.get("text") for found in inside] == [href] and len(inside[0]["marks"]) == 1 and _is_url(href):
        yield Piece("whole", f"<{href}>")
        return
    yield Piece("whole", "[")
    yield from _write_marked(inside, marks, in_label=True)
    yield Piece("whole", f"]({_write_href(href)})")


def _is_url(href: str) -> bool:
    return href.startswith(("https://", "http://")) and len(href) > len("https://")


def _write_href(href: str) -> str:
    return ENTITY.sub("&amp;", href)


def _write_piece(found: Node, *, in_label: bool) -> Piece:
    kind = found["type"]
    if kind == "text" and _mark(found, "code") is not None:
        return Piece("whole", _write_code(found["text"]))
    if kind == "text":
        return Piece("text", _escape(found["text"], in_label=in_label))
    attrs: dict[str, Any] = found["attrs"]
    if kind == "mention":
        return Piece("whole", f"{{@{attrs['username']}}}")
    if kind == "mathematics":
        return Piece("whole", f"\\[{attrs['latex']}\\]" if attrs["displayMode"] else f"\\({attrs['latex']}\\)")
    return Piece("whole", f"![{_escape(attrs['alt'], in_label=True)}]({_write_href(attrs['src'])})")


def _write_code(text: str) -> str:
    """Write code between runs of backticks of a length that it does not contain."""
    runs = set(re.findall(r"`+", text))
    ticks = next("`" * length for length in range(1, len(text) + 2) if "`" * length not in runs)
    pad = " " if text.startswith("`") or text.endswith("`") or (text[0] == text[-1] == " " and text.strip()) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _escape(text: str, *, in_label: bool) -> str:
    text = SPECIAL.sub(r"\\\g<0>", text)
    return text.translate(BRACKETS) if in_label else CLOSING_BRACKET.sub("&#93;", text)


def _separate_delimiters(pieces: list[Piece]) -> None:
    """Write italics with `_` where their `*` would touch another delimiter."""
    opened: list[int] = []
    for number, piece in enumerate(pieces):
        if piece.kind == "open":
            opened.append(number)
        elif piece.kind == "close" and (start := opened.pop()) >= 0 and piece.markdown == "*":
            neighbours = [start - 1, start + 1, number - 1, number + 1]
            if any(0 <= other < len(pieces) and pieces[other].kind in ("open", "close") for other in neighbours):
                piece.markdown = pieces[start].markdown = "_"


def _protect_delimiters(pieces: list[Piece]) -> None:
    """Write characters next to delimiters as entities where CommonMark's flanking rules would disable a delimiter."""
    start = 0
    while start < len(pieces):
        if pieces[start].kind not in ("open", "close"):
            start += 1
            continue
        end = start
        while end < len(pieces) and pieces[end].kind in ("open", "close"):
            end += 1
        before = pieces[start - 1] if start else Piece("whole", " ")
        after = pieces[end] if end < len(pieces) else Piece("whole", " ")
        kinds = {piece.kind for piece in pieces[start:end]}
        narrow = end - start > 1 or pieces[start].markdown == "_"
        if "close" in kinds and before.markdown[-1].isspace():
            before.markdown = before.markdown[:-1] + _entity(before.markdown[-1])
        if "open" in kinds and after.markdown[0].isspace():
            after.markdown = _entity(after.markdown[0]) + after.markdown[1:]
        if kinds == {"open"} and _is_word(before.markdown[-1]) and (narrow or not _is_word(after.markdown[0])):
            before.markdown = before.markdown[:-1] + _entity(before.markdown[-1])
        if kinds == {"close"} and _is_word(after.markdown[0]) and (narrow or not _is_word(before.markdown[-1])):
            after.markdown = _entity(after.markdown[0]) + after.markdown[1:]
        start = end


def _is_word(character: str) -> bool:
    code = ord(character)
    return not (isWhiteSpace(code) or isMdAsciiPunct(code) or isPunctChar(character))


def _entity(character: str) -> str:
    return f"&#{ord(character)};"
