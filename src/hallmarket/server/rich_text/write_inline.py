"""Texts become markdown, escaped so that they read back as they were."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace

from hallmarket.server.rich_text.document import Node, attribute

WRAPS = {"bold": "**", "italic": "*", "strike": "~~"}
OUTERMOST_FIRST = ("link", "bold", "italic", "strike")
# What would begin something else than text, wherever it stands.
SPECIAL = re.compile(
    r"[\\`*~]"
    r"|(?<![A-Za-z0-9]{2})_|_(?![A-Za-z0-9]{2})"  # inside a word it is one
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?[A-Za-z0-9]+;)"
    r"|\{(?=@)"
    r"|(?<![A-Za-z0-9]{2})@(?=[A-Za-z0-9])"
    r"|(?<=http):(?=//)|(?<=https):(?=//)"
    r"|!\Z"
)
# And what would at the beginning of a line.
MARKER = re.compile(r"[#>+=|:-]|\d{1,9}(?=[.)](?:\s|\Z))")
# A backslash before a bracket begins mathematics.
BRACKETS = str.maketrans({"[": "&#91;", "]": "&#93;"})
CLOSING_BRACKET = re.compile(r"\](?=\(|\Z)")
ENTITY = re.compile(r"&(?=#?[A-Za-z0-9]+;)")


@dataclass
class Piece:
    """Some markdown: `text` that may be spelled otherwise, `open` or `close` of a mark, or anything else whole."""

    kind: str
    written: str


def write_inline(nodes: list[Node]) -> str:
    """Markdown of texts in normal form, in which a line break is the only new line."""
    lines: list[list[Node]] = [[]]
    for found in nodes:
        if found["type"] == "hardBreak":
            lines.append([])
        else:
            lines[-1].append(found)
    return "\\\n".join(_write_line(line) for line in lines)


def _write_line(nodes: list[Node]) -> str:
    pieces = list(_marked(nodes, OUTERMOST_FIRST, in_label=False))
    if pieces and pieces[0].kind == "text" and pieces[0].written.startswith("["):
        pieces[0].written = "&#91;" + pieces[0].written[1:]  # no definition of a link, nor an alert's title
    _tell_apart(pieces)
    _secure(pieces)
    return _begin_line("".join(piece.written for piece in pieces))


def _begin_line(line: str) -> str:
    """A line that begins no other block, with the spaces kept that a parser strips."""
    if found := MARKER.match(line):
        end = found.end() if found[0].isdigit() else 0
        line = line[:end] + "\\" + line[end:]
    if line[:1].isspace():
        line = _entity(line[0]) + line[1:]
    return line[:-1] + _entity(line[-1]) if line[-1:].isspace() else line


def _marked(nodes: list[Node], marks: tuple[str, ...], *, in_label: bool) -> Iterator[Piece]:
    """Pieces of nodes, each run of nodes under the first of these marks inside that mark."""
    if not marks:
        for found in nodes:
            yield _write_piece(found, in_label=in_label)
        return
    for mark, run in groupby(nodes, lambda found: _mark(found, marks[0])):
        inside = list(run)
        if mark is None:
            yield from _marked(inside, marks[1:], in_label=in_label)
        elif marks[0] == "link":
            yield from _link(str(attribute(mark, "href", "")), inside, marks[1:])
        else:
            yield Piece("open", WRAPS[marks[0]])
            yield from _marked(inside, marks[1:], in_label=in_label)
            yield Piece("close", WRAPS[marks[0]])


def _mark(found: Node, kind: str) -> Node | None:
    return next((mark for mark in found.get("marks", ()) if mark["type"] == kind), None)


def _link(href: str, inside: list[Node], marks: tuple[str, ...]) -> Iterator[Piece]:
    if [found.get("text") for found in inside] == [href] and len(inside[0]["marks"]) == 1 and _is_address(href):
        yield Piece("whole", f"<{href}>")
        return
    yield Piece("whole", "[")
    yield from _marked(inside, marks, in_label=True)
    yield Piece("whole", f"]({_write_href(href)})")


def _is_address(href: str) -> bool:
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
    """Code between so many backticks that those inside it do not end it."""
    runs = set(re.findall(r"`+", text))
    ticks = next("`" * length for length in range(1, len(text) + 2) if "`" * length not in runs)
    pad = " " if text.startswith("`") or text.endswith("`") or (text[0] == text[-1] == " " and text.strip()) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _escape(text: str, *, in_label: bool) -> str:
    text = SPECIAL.sub(r"\\\g<0>", text)
    return text.translate(BRACKETS) if in_label else CLOSING_BRACKET.sub("&#93;", text)


def _tell_apart(pieces: list[Piece]) -> None:
    """Write italics with `_` where their `*` would run into another mark's."""
    opened: list[int] = []
    for number, piece in enumerate(pieces):
        if piece.kind == "open":
            opened.append(number)
        elif piece.kind == "close" and (start := opened.pop()) >= 0 and piece.written == "*":
            beside = [start - 1, start + 1, number - 1, number + 1]
            if any(0 <= other < len(pieces) and pieces[other].kind in ("open", "close") for other in beside):
                piece.written = pieces[start].written = "_"


def _secure(pieces: list[Piece]) -> None:
    """Spell the characters beside marks so that CommonMark's rules of flanking let each begin or end there."""
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
        narrow = end - start > 1 or pieces[start].written == "_"
        if "close" in kinds and before.written[-1].isspace():
            before.written = before.written[:-1] + _entity(before.written[-1])
        if "open" in kinds and after.written[0].isspace():
            after.written = _entity(after.written[0]) + after.written[1:]
        if kinds == {"open"} and _is_word(before.written[-1]) and (narrow or not _is_word(after.written[0])):
            before.written = before.written[:-1] + _entity(before.written[-1])
        if kinds == {"close"} and _is_word(after.written[0]) and (narrow or not _is_word(before.written[-1])):
            after.written = _entity(after.written[0]) + after.written[1:]
        start = end


def _is_word(character: str) -> bool:
    code = ord(character)
    return not (isWhiteSpace(code) or isMdAsciiPunct(code) or isPunctChar(character))


def _entity(character: str) -> str:
    return f"&#{ord(character)};"
