"""HTML pages of documents, and the safety of links."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hallmarket.server.rich_text.links import is_safe_link, normalize_link
from hallmarket.server.rich_text.normalize import normalize_document
from hallmarket.server.rich_text.parse_markdown import parse_markdown
from hallmarket.server.rich_text.write_html import write_html
from rich_text.documents import DOCUMENTS

TAGS = {"html", "head", "meta", "title", "body", "p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "code", "ul", "ol"}
TAGS |= {"li", "blockquote", "aside", "strong", "em", "s", "a", "br", "hr", "img", "table", "tr", "th", "td"}
ATTRIBUTES = {"charset", "http-equiv", "content", "class", "href", "rel", "src", "alt", "start"}


class PageReader(HTMLParser):
    """Collects the text, tags and attributes of a page."""

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
def test_pages_are_complete_and_safe(document, title):
    """A page has only known tags and attributes, safe links, and every text of the document."""
    found = PageReader(write_html(document, title))
    assert found.tags <= TAGS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    assert all(is_safe_link(value) for name, value in found.attributes if name in ("href", "src"))
    assert all(text in found.text for text in texts_in(normalize_document(document)))


def test_page_of_markdown():
    """A page has the elements that the markdown describes."""
    page = write_html(parse_markdown("# A\n\n> [!TIP]\n> **b** <script>\n\n1. [x](https://example.org)"), "<A>")
    assert "<title>&lt;A&gt;</title>" in page
    assert "<h1>A</h1>" in page
    assert '<aside class="tip"><p><strong>Tip</strong></p><p><strong>b</strong> &lt;script&gt;</p></aside>' in page
    assert '<ol start="1"><li><p><a href="https://example.org" rel="nofollow noopener noreferrer">x</a>' in page


@given(st.text(max_size=30) | st.sampled_from(["JavaScript:x", " javascript:x", "data:text/html,x", "vbscript:x"]))
def test_links(link):
    """Normalising a link again changes nothing, and a safe link has no scheme that runs code."""
    assert normalize_link(normalize_link(link)) == normalize_link(link)
    if is_safe_link(link) and ":" in link:
        assert "script" not in link.lower().partition(":")[0]
