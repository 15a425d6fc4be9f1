"""Writes a document as an HTML page that runs no code: everything that its author wrote is escaped."""

from html import escape

from hallmarket.server.rich_text.document import Node, attribute, children
from hallmarket.server.rich_text.normalize import normalize_document

MARKS = {"code": "code", "strike": "s", "italic": "em", "bold": "strong"}
# Nodes that become one element around their content.
ELEMENTS = {
    "paragraph": "p",
    "bulletList": "ul",
    "listItem": "li",
    "blockquote": "blockquote",
    "table": "table",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
}


def write_html(document: Node, title: str) -> str:
    """Write a complete page, to be encoded in UTF-8."""
    body = "\n".join(_write(block) for block in children(normalize_document(document)))
    return f"""<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src * data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
</head>
<body>
{body}
</body>
</html>
"""


def _write(found: Node) -> str:
    kind, inside = found["type"], "".join(_write(child) for child in children(found))
    if kind in ELEMENTS:
        return f"<{ELEMENTS[kind]}>{inside}</{ELEMENTS[kind]}>"
    if kind == "heading":
        level = attribute(found, "level")
        return f"<h{level}>{inside}</h{level}>"
    if kind == "orderedList":
        return f'<ol start="{attribute(found, "start")}">{inside}</ol>'
    if kind == "callout":
        name = attribute(found, "kind")
        return f'<aside class="{name}"><p><strong>{name.capitalize()}</strong></p>{inside}</aside>'
    if kind == "codeBlock":
        language = attribute(found, "language")
        named = f' class="language-{escape(language)}"' if language else ""
        return f"<pre><code{named}>{inside}</code></pre>"
    return _marked(found, _write_leaf(found))


def _write_leaf(found: Node) -> str:
    kind = found["type"]
    if kind == "text":
        return escape(found["text"])
    if kind == "image":
        src, alt = escape(attribute(found, "src")), escape(attribute(found, "alt"))
        return f'<img src="{src}" alt="{alt}">'
    if kind == "mention":
        return f"@{escape(attribute(found, 'username'))}"
    if kind == "mathematics":
        latex = escape(attribute(found, "latex"))
        return f"\\[{latex}\\]" if attribute(found, "displayMode") else f"\\({latex}\\)"
    if kind == "assetComponent":
        kind, asset_id = escape(attribute(found, "assetType")), escape(attribute(found, "id"))
        return f'<p><a href="{kind}:{asset_id}">{kind} {asset_id}</a></p>'
    return "<br>" if kind == "hardBreak" else "<hr>"


def _marked(found: Node, html: str) -> str:
    for mark in found.get("marks", ()):
        if mark["type"] == "link":
            html = f'<a href="{escape(attribute(mark, "href"))}" rel="nofollow noopener noreferrer">{html}</a>'
        else:
            html = f"<{MARKS[mark['type']]}>{html}</{MARKS[mark['type']]}>"
    return html
