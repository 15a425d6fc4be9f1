"""The reference is complete: its lists of endpoints, scopes, metrics, errors and options match the code."""

import os
import re
from collections.abc import Iterator

import click

from _support.doc_examples import ROOT
from _support.servers import Server
from hallmarket.cli.main import hallmarket
from hallmarket.proof.key import SigningKey
from hallmarket.server import errors
from hallmarket.server.http.status_codes import STATUS_CODES
from hallmarket.server.main import make_app
from hallmarket.server.query_engine import errors as _query_errors  # noqa: F401 (registers its errors)
from hallmarket.server.rooms import SCOPES, load_settings

DOCS = ROOT / "docs"
API = DOCS / "reference/media-api.md"
EXCHANGE = DOCS / "reference/exchange-api.md"


def test_endpoints() -> None:
    """The API references have a section for each endpoint of the server, and no other."""
    settings = load_settings({}, {})
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
    """The page of scopes lists every scope, and every endpoint with the scope its route declares."""
    page = (DOCS / "reference/scopes-and-roles.md").read_text("utf-8")
    settings = load_settings({}, {})
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
    assert sorted(re.findall(r"^\| `([a-z]+:[a-z]+)` \| ", page, re.MULTILINE)) == sorted(SCOPES)


def pattern(path: str) -> str:
    """Return a path with the names of its parameters removed."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def test_metrics(server: Server) -> None:
    """The metrics reference lists the metrics that the server exposes, with their types, and no other."""
    with server.client() as client:
        client.post("/v1/media/anchor", json={"hash": os.urandom(64).hex(), "size": 1})
        shown = set(re.findall(r"^# TYPE (\w+) (\w+)$", client.get("/metrics").text, re.MULTILINE))
    page = (DOCS / "reference/metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)) == shown


def kinds_of(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    """Yield all subclasses of an error, in every room: importing main imports them all."""
    for below in kind.__subclasses__():
        yield from (below, *kinds_of(below))


def test_errors() -> None:
    """The error reference lists the server's errors with their statuses, and no other."""
    page = (DOCS / "reference/errors.md").read_text("utf-8")
    described = {
        (code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| ([45]\d\d) \|", page, re.MULTILINE)
    }
    known = {
        (kind.code, next((STATUS_CODES[base] for base in kind.__mro__ if base in STATUS_CODES), 500))
        for kind in (errors.DomainError, *kinds_of(errors.DomainError))
    }
    assert described == known


def options(command: click.Command, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every visible option of a command and its subcommands, with the name of the subcommand."""
    context = click.Context(command)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            assert found is not None
            yield from options(found, f"{name} {verb}".strip())
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield from ((name, option) for option in parameter.opts)


def test_options() -> None:
    """Every option is documented in the section of its command; the options of `serve` are settings."""
    text = (DOCS / "reference/command.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    common = text[: text.index("## anchor")]
    settings = (DOCS / "reference/settings.md").read_text("utf-8")
    for verb, option in options(hallmarket):
        section = sections.get(verb.partition(" ")[0], "") + (settings if verb == "serve" else common)
        assert f"`{option}" in section, f"hallmarket {verb} {option}"
