"""The documentation is whole: its lists have everything the code has, and its links lead somewhere."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click

from examples import PAGES, ROOT
from hallmarket.cli.main import hallmarket
from hallmarket.proof.key import SigningKey
from hallmarket.server import errors
from hallmarket.server.http.reply import STATUS
from hallmarket.server.identity.types import SCOPES
from hallmarket.server.main import make_app
from hallmarket.server.settings import read_settings
from support import Server

DOCS = ROOT / "docs"
API = DOCS / "reference/media-api.md"
EXCHANGE = DOCS / "reference/exchange-api.md"


def test_make_targets() -> None:
    """Every `make` target the pages name exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, page


def test_links() -> None:
    """Every link between the pages leads to a file that is there, and to a heading of it."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            path, _, heading = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.relative_to(ROOT)} links to {link}"
            assert target.is_relative_to(ROOT)
            assert not heading or heading in headings(target), f"{page.relative_to(ROOT)} links to {link}"


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as a forge makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_endpoints() -> None:
    """Every endpoint the server routes has its section in the API's reference, and no section is about another."""
    settings = read_settings({}, {})
    app = make_app(settings, "postgresql://nowhere", b"secret", SigningKey.generate("log.example.org"))
    routed = {
        f"{method} {pattern(route.path)}"
        for route in app._app.routes  # type: ignore[attr-defined]
        for method in route.methods - {"OPTIONS"}
    }
    described = {pattern(title) for title in re.findall(r"^## `(.+)`$", API.read_text("utf-8"), re.MULTILINE)}
    listed = {pattern(title) for title in re.findall(r"^\| \[`(.+?)`\]", API.read_text("utf-8"), re.MULTILINE)}
    assert listed == described
    exchange = {pattern(title) for title in re.findall(r"^### `(.+)`$", EXCHANGE.read_text("utf-8"), re.MULTILINE)}
    assert described | exchange == routed


def test_scopes() -> None:
    """The page of scopes has every scope, and every endpoint with the scope that its route is declared with."""
    page = (DOCS / "reference/scopes-and-roles.md").read_text("utf-8")
    settings = read_settings({}, {})
    app = make_app(settings, "postgresql://nowhere", b"secret", SigningKey.generate("log.example.org"))
    declared = {
        (f"{method} {pattern(route.path)}", handler.opt.get("scope"))
        for route in app._app.routes  # type: ignore[attr-defined]
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS"}
    }
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (?:`([a-z]+:[a-z]+)`|[^`|]*) \|$", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert {(pattern(endpoint), scope or None) for endpoint, scope in rows} == declared
    assert re.findall(r"^\| `([a-z]+:[a-z]+)` \| ", page, re.MULTILINE) == list(SCOPES)


def pattern(path: str) -> str:
    """A path whose parameters have no names."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def test_metrics(server: Server) -> None:
    """Every metric the server shows is described with its type, and every one described is shown."""
    with server.client() as client:
        client.post("/v1/media/anchor", json={"hash": os.urandom(64).hex(), "size": 1})
        shown = set(re.findall(r"^# TYPE (\w+) (\w+)$", client.get("/metrics").text, re.MULTILINE))
    page = (DOCS / "reference/metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)) == shown


def kinds_of(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    """Every kind of error below one, in all rooms: main, which is imported here, imports them all."""
    for below in kind.__subclasses__():
        yield from (below, *kinds_of(below))


def test_errors() -> None:
    """Every error the server may answer stands in the list of errors, with its status."""
    page = (DOCS / "reference/errors.md").read_text("utf-8")
    described = {
        (code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| ([45]\d\d) \|", page, re.MULTILINE)
    }
    known = {
        (kind.code, next((STATUS[base] for base in kind.__mro__ if base in STATUS), 500))
        for kind in (errors.DomainError, *kinds_of(errors.DomainError))
    }
    assert described == known


def options(command: click.Command, name: str = "") -> Iterator[tuple[str, str]]:
    """Every option of a command and its verbs, each with the verb it belongs to."""
    context = click.Context(command)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            assert found is not None
            yield from options(found, f"{name} {verb}".strip())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from ((name, option) for option in parameter.opts)


def test_options() -> None:
    """Every option of every verb is described where its verb is; those of `serve` are settings."""
    text = (DOCS / "reference/command.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    common = text[: text.index("## anchor")]
    settings = (DOCS / "reference/settings.md").read_text("utf-8")
    for verb, option in options(hallmarket):
        place = sections.get(verb.partition(" ")[0], "") + (settings if verb == "serve" else common)
        assert f"`{option}" in place, f"hallmarket {verb} {option}"


def test_files_named_in_the_design() -> None:
    """Every file the design names is there."""
    there = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "src").rglob("*") if path.is_file()]
    named = set(re.findall(r"`([\w/]+\.(?:py|sql))`", (DOCS / "design.md").read_text("utf-8")))
    assert len(named) > 10
    for name in named:
        assert any(path.endswith(f"/{name}") for path in there), name


def test_nothing_points_outside() -> None:
    """The project stands alone: none of its files mentions a folder outside of it."""
    outside = ["../" + "shared", "/" + "work/"]
    for top in ("src", "tests", "docs", "bench", "scripts", "vectors", ".ci"):
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes().decode("utf-8", "replace")
                assert not [text for text in outside if text in content], path
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            assert not [text for text in outside if text in path.read_text("utf-8")], path
