"""Documents become pages of HTML."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.rich_text.links import is_safe_link, tidy_link
from hallmarket.server.rich_text.normal import normal_document
from hallmarket.server.rich_text.read_markdown import read_markdown
from hallmarket.server.rich_text.write_html import write_html
from rich_text.documents import DOCUMENTS

TAGS = {"html", "head", "meta", "title", "body", "p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "code", "ul", "ol"}
TAGS |= {"li", "blockquote", "aside", "strong", "em", "s", "a", "br", "hr", "img", "table", "tr", "th", "td"}
ATTRIBUTES = {"charset", "http-equiv", "content", "class", "href", "rel", "src", "alt", "start"}


class Reader(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.attributes = "", set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def texts_in(node):
    yield node.get("text", "")
    for child in node.get("content", []):
        yield from texts_in(child)


@given(DOCUMENTS, st.text(max_size=20))
def test_a_page_holds_every_word_and_nothing_that_runs(document, title):
    """Only known tags and attributes stand in a page, its links are safe, and every text is there as it was written."""
    found = Reader(write_html(document, title))
    assert found.tags <= TAGS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    assert all(is_safe_link(value) for name, value in found.attributes if name in ("href", "src"))
    assert all(text in found.text for text in texts_in(normal_document(document)))


def test_a_page_shows_markdown():
    """A post's page has the elements that its markdown asks for."""
    page = write_html(read_markdown("# A\n\n> [!TIP]\n> **b** <script>\n\n1. [x](https://example.org)"), "<A>")
    assert "<title>&lt;A&gt;</title>" in page
    assert "<h1>A</h1>" in page
    assert '<aside class="tip"><p><strong>Tip</strong></p><p><strong>b</strong> &lt;script&gt;</p></aside>' in page
    assert '<ol start="1"><li><p><a href="https://example.org" rel="nofollow noopener noreferrer">x</a>' in page


@given(st.text(max_size=30) | st.sampled_from(["JavaScript:x", " javascript:x", "data:text/html,x", "vbscript:x"]))
def test_a_safe_link_is_relative_or_of_a_scheme_that_runs_nothing(link):
    """Links are kept in a form that is safe if they were, and that stays as it is."""
    assert tidy_link(tidy_link(link)) == tidy_link(link)
    if is_safe_link(link) and ":" in link:
        assert "script" not in link.lower().partition(":")[0]
