"""The markdown that is spoken here: CommonMark with GitHub's tables, alerts and strikes, mathematics and mentions.

No raw HTML. Display mathematics stands between `\\[` and `\\]`, inline mathematics between `\\(` and `\\)`;
`{@name}`, or `@name` in running text, mentions a person.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.rich_text.document import DEEPEST
from hallmarket.server.rich_text.links import is_safe_link, tidy_link

USERNAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?"
MENTION = re.compile(rf"\{{@({USERNAME})\}}")
BARE_MENTION = re.compile(rf"@({USERNAME})")
# What an address in running text may be made of, and what it does not end with.
ADDRESS = re.compile(r"://[^\s<>\\`|{}\"\[\]]{1,2000}")
AFTER_ADDRESS = "?!.,:;*_~'&"
SCHEME_BEFORE = re.compile(r"(?:^|[^A-Za-z0-9])(https?)\Z")
MAX_BRACKETS = 50_000_000  # brackets, times the characters that may have to be searched for each one's end
CLOSED_BY = {"(": "\\)", "[": "\\]"}


class Dialect(MarkdownIt):
    """markdown-it with our rules, and our idea of which links are safe."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "alerts": True, "maxNesting": DEEPEST})
        self.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
        self.inline.ruler.before("escape", "math", _math)
        self.inline.ruler.before("link", "mention", _mention)
        self.inline.ruler.push("address", _address)
        self.inline.ruler.push("bare_mention", _bare_mention)
        self.block.ruler.before("fence", "math", _math_block)
        self.core.ruler.before("inline", "brackets", _bound_brackets)

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Whether a link may stand in a text."""
        return is_safe_link(url)

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        """An address as it is kept."""
        return tidy_link(url)

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        """What an address in running text is shown as: itself."""
        return link


def _bound_brackets(state: StateCore) -> None:
    """Refuse texts of so many brackets that to find the ends of links would take seconds."""
    texts = [token.content for token in state.tokens if token.type == "inline"]
    if sum(text.count("[") * len(text) for text in texts) > MAX_BRACKETS:
        raise InvalidRequest("It has too many brackets in one paragraph.")


def _math(state: StateInline, silent: bool) -> bool:
    """`\\(…\\)` and `\\[…\\]` inside a text."""
    if not state.src.startswith(("\\(", "\\["), state.pos):
        return False
    close = CLOSED_BY[state.src[state.pos + 1]]
    end = _find_close(state, close, state.pos + 2)
    if end < 0 or not (latex := tidy_latex(state.src[state.pos + 2 : end])):
        return False
    if not silent:
        _push_math(state, latex, display=close == "\\]")
    state.pos = end + 2
    return True


def _find_close(state: StateInline, close: str, start: int) -> int:
    """Where mathematics ends, or -1; a text without an end is searched once, not once for each beginning."""
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
    """Display mathematics on lines of its own, in which `-` and `+` begin no list."""
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
    if line >= end_line or whole.find("\\]", 2) != len(whole) - 2 or not tidy_latex(whole[2:-2]):
        return False
    if not silent:
        state.line = line + 1
        for kind, nesting in (("paragraph_open", 1), ("inline", 0), ("paragraph_close", -1)):
            token = state.push(kind, "p", nesting)  # type: ignore[arg-type]
            token.map = [start_line, state.line]
            if kind == "inline":
                token.content, token.children = whole, []
    return True


def tidy_latex(latex: str) -> str:
    """A formula on one line, without its comments."""
    return " ".join(re.sub(r"(?<!\\)%.*", "", latex).split())


def _mention(state: StateInline, silent: bool) -> bool:
    found = MENTION.match(state.src, state.pos, state.posMax)
    return found is not None and _push_mention(state, found, silent)


def _bare_mention(state: StateInline, silent: bool) -> bool:
    """`@name` where no word or address stands right before it, and not as the text of a link."""
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


def _address(state: StateInline, silent: bool) -> bool:
    """An address of the web in running text becomes a link."""
    if silent or state.linkLevel or not state.src.startswith("://", state.pos):
        return False
    if (before := SCHEME_BEFORE.search(state.pending[-6:])) is None:
        return False
    if (found := ADDRESS.match(state.src, state.pos, state.posMax)) is None:
        return False
    rest = found[0].rstrip(AFTER_ADDRESS)
    while rest.endswith(")") and rest.count(")") > rest.count("("):
        rest = rest[:-1].rstrip(AFTER_ADDRESS)
    if len(rest) <= 3:
        return False
    state.pending = state.pending[: -len(before[1])]
    state.push("link_open", "a", 1).attrs = {"href": tidy_link(before[1] + rest)}
    state.push("text", "", 0).content = before[1] + rest
    state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True
