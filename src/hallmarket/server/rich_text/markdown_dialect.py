"""The markdown dialect: CommonMark with GitHub's tables, alerts and strikethrough, mathematics and mentions.

Raw HTML is text. Display mathematics is between `\\[` and `\\]`, inline mathematics between `\\(` and `\\)`. `{@name}`,
or `@name` in running text, mentions a person.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import MAX_DEPTH
from hallmarket.server.rich_text.links import is_safe_link, normalize_link

USERNAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?"
MENTION = re.compile(rf"\{{@({USERNAME})\}}")
BARE_MENTION = re.compile(rf"@({USERNAME})")
# A URL in running text after its scheme, and the characters that it does not end with.
URL = re.compile(r"://[^\s<>\\`|{}\"\[\]]{1,2000}")
TRAILING_CHARACTERS = "?!.,:;*_~'&"
SCHEME_BEFORE = re.compile(r"(?:^|[^A-Za-z0-9])(https?)\Z")
MAX_BRACKET_COST = 50_000_000  # brackets times the characters that may be searched for the end of each
CLOSING = {"(": "\\)", "[": "\\]"}


class MarkdownDialect(MarkdownIt):
    """A markdown-it parser with the rules of this dialect."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "alerts": True, "maxNesting": MAX_DEPTH})
        self.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
        self.inline.ruler.before("escape", "math", _math)
        self.inline.ruler.before("link", "mention", _mention)
        self.inline.ruler.push("url", _url)
        self.inline.ruler.push("bare_mention", _bare_mention)
        self.block.ruler.before("fence", "math", _math_block)
        self.core.ruler.before("inline", "brackets", _limit_brackets)

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Whether a link is allowed in a text."""
        return is_safe_link(url)

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        """Convert a link to the form in which it is stored."""
        return normalize_link(url)

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        """The text shown for a URL in running text: the URL itself."""
        return link


def _limit_brackets(state: StateCore) -> None:
    """Raise InvalidRequest for a text with so many brackets that finding the ends of links would take seconds."""
    texts = [token.content for token in state.tokens if token.type == "inline"]
    if sum(text.count("[") * len(text) for text in texts) > MAX_BRACKET_COST:
        raise InvalidRequest("The text has too many brackets in one paragraph.")


def _math(state: StateInline, silent: bool) -> bool:
    """Parse `\\(…\\)` and `\\[…\\]` inside a paragraph."""
    if not state.src.startswith(("\\(", "\\["), state.pos):
        return False
    close = CLOSING[state.src[state.pos + 1]]
    end = _find_close(state, close, state.pos + 2)
    if end < 0 or not (latex := normalize_latex(state.src[state.pos + 2 : end])):
        return False
    if not silent:
        _push_math(state, latex, display=close == "\\]")
    state.pos = end + 2
    return True


def _find_close(state: StateInline, close: str, start: int) -> int:
    """Find the end of mathematics, or -1. A text without an end is searched once, not once for each beginning."""
    unclosed: set[tuple[str, str]] = state.env.setdefault("unclosed", set())
    if (state.src, close) in unclosed:
        return -1
    end = state.src.find(close, start, state.posMax)
    if end < 0 and state.posMax == len(state.src):
        unclosed.add((state.src, close))
    return end


def _push_math(state: StateInline, latex: str, *, display: bool) -> None:
    token = state.push("mathematics", "", 0)
    token.content, token.meta = latex, {"display": display}


def _math_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Parse display mathematics on lines of its own, where `-` and `+` do not begin a list."""
    if state.is_code_block(start_line):
        return False
    lines, line = [], start_line
    while line < end_line and not (line > start_line and state.sCount[line] < state.blkIndent):
        lines.append(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip())
        if not lines[-1] or not lines[0].startswith("\\["):
            return False
        if "\\]" in (lines[-1][2:] if line == start_line else lines[-1]):
            break
        line += 1
    whole = "\n".join(lines)
    if line >= end_line or whole.find("\\]", 2) != len(whole) - 2 or not normalize_latex(whole[2:-2]):
        return False
    if not silent:
        state.line = line + 1
        for kind, nesting in (("paragraph_open", 1), ("inline", 0), ("paragraph_close", -1)):
            token = state.push(kind, "p", nesting)  # type: ignore[arg-type]
            token.map = [start_line, state.line]
            if kind == "inline":
                token.content, token.children = whole, []
    return True


def normalize_latex(latex: str) -> str:
    """Remove a formula's comments, and put it on one line."""
    return " ".join(re.sub(r"(?<!\\)%.*", "", latex).split())


def _mention(state: StateInline, silent: bool) -> bool:
    found = MENTION.match(state.src, state.pos, state.posMax)
    return found is not None and _push_mention(state, found, silent)


def _bare_mention(state: StateInline, silent: bool) -> bool:
    """Parse `@name`, unless it follows a word or an address, or is inside the text of a link."""
    before = state.src[state.pos - 1] if state.pos else " "
    found = BARE_MENTION.match(state.src, state.pos, state.posMax)
    if found is None or state.linkLevel or before.isalnum() or before in "_.-+/@\\":
        return False
    return _push_mention(state, found, silent)


def _push_mention(state: StateInline, found: re.Match[str], silent: bool) -> bool:
    if not silent:
        state.push("mention", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _url(state: StateInline, silent: bool) -> bool:
    """Turn a URL in running text into a link."""
    if silent or state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    if (before := SCHEME_BEFORE.search(state.pending[-6:])) is None:
        return False
    if (found := URL.match(state.src, state.pos, state.posMax)) is None:
        return False
    rest = found[0].rstrip(TRAILING_CHARACTERS)
    while rest.endswith(")") and rest.count(")") > rest.count("("):
        rest = rest[:-1].rstrip(TRAILING_CHARACTERS)
    if len(rest) <= 3:
        return False
    state.pending = state.pending[: -len(before[1])]
    state.push("link_open", "a", 1).attrs = {"href": normalize_link(before[1] + rest)}
    state.push("text", "", 0).content = before[1] + rest
    state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True
