"""The documentation as files: links, anchors, the index, decision records, and names of files and make targets.

Nothing here starts a server or imports one.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from _support.doc_examples import PAGES, ROOT

DOCS = ROOT / "docs"
STATUS = r"accepted|superseded by \[.+\]\(.+\)"
RECORDS = sorted((DOCS / "adr").glob("*.md"))
FENCE = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def prose_of(page: Path) -> str:
    """Return the page's text without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """Return the anchors of the page's headings, as a forge builds them."""
    seen: Counter[str] = Counter()
    anchors = set()
    for title in re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(anchors)


def links_of(page: Path) -> list[str]:
    """Return the targets of the page's links, except those to other sites."""
    links = [inline or reference for inline, reference in LINK.findall(prose_of(page))]
    return [link for link in links if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    """Every internal link leads to an existing file, and to an existing heading where it names one."""
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors_of(target), link


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links to every page under docs/."""
    index = DOCS / "README.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links_of(index)}
    missing = set(DOCS.rglob("*.md")) - linked - {index}
    assert not missing


def test_decision_records() -> None:
    """Decision records are numbered without gaps, dated in order, and have the three sections."""
    dates = []
    for number, page in enumerate(RECORDS, start=1):
        text = page.read_text("utf-8")
        assert page.name.startswith(f"{number:04}-"), page.name
        head = re.match(rf"# {number}\. .+\n\n- Date: (\d{{4}}-\d\d-\d\d)\n- Status: (?:{STATUS})\n", text)
        assert head, page.name
        dates.append(head[1])
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name
        assert text.count("\n") <= 60, f"{page.name} is longer than a page"
    assert dates == sorted(dates)


def test_make_targets_exist() -> None:
    """Every `make` target that a page names exists."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, name_of(page)


def test_source_files_named_exist() -> None:
    """Every source file that an explanation names exists."""
    sources = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "src").rglob("*") if path.is_file()]
    missing = {
        (name_of(page), name)
        for page in (DOCS / "explanation").glob("*.md")
        for name in re.findall(r"\b\w[\w/]*\.(?:py|sql)\b", page.read_text("utf-8"))
        if not any(path.endswith(f"/{name}") for path in sources)
    }
    assert not missing


def test_log_events_named_exist() -> None:
    """Every log event that the how-to about monitoring lists is written by the server."""
    page = (DOCS / "how-to/monitor.md").read_text("utf-8")
    events = re.findall(r"^\| `([^`]+)` \| (?:info|warning|error) \|", page, re.MULTILINE)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src/hallmarket/server").rglob("*.py"))
    assert len(events) > 10
    assert not [event for event in events if f'"{event}"' not in source]


def test_the_list_of_rooms_is_complete() -> None:
    """The explanation of the architecture lists every package of the server, and no other."""
    page = (DOCS / "explanation/architecture.md").read_text("utf-8")
    table = page.partition("| room |")[2].partition("\n\n")[0]
    packages = {path.parent.name for path in (ROOT / "src/hallmarket/server").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == packages


def test_the_project_stands_alone() -> None:
    """No file of the project mentions a folder outside it."""
    outside = ["../" + "shared", "/" + "work/"]
    tops = [ROOT / top for top in ("src", "tests", "docs", "bench", "scripts", "vectors", ".ci")]
    files = [path for top in tops for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for path in files:
        content = path.read_bytes().decode("utf-8", "replace")
        assert not [text for text in outside if text in content], name_of(path)
