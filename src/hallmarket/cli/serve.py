"""`hallmarket serve`: run the registry."""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hallmarket.server.identity.register import FirstStart

EPILOG = """\b
Examples:
  hallmarket serve                                 on http://127.0.0.1:8000, data in the default folder
  hallmarket serve --data ./registry --port 9000
  hallmarket serve --database postgresql://hallmarket@db/hallmarket --workers 4
  HALLMARKET_PUBLIC_URL=https://registry.example hallmarket serve --host 0.0.0.0

The first start makes an organization, an administrator and an API key, and prints the key this once.
SIGTERM or Ctrl-C stops the server after the requests in flight; kill -9 loses nothing that was acknowledged.

\b
Exit status: 0 stopped as asked; 1 could not start, the message says why; 2 wrong usage.
"""


def _with_settings(command: Any) -> Any:
    # The server is loaded here, by the two verbs that are about it, so that every other verb starts without it.
    from hallmarket.server.rooms import SETTINGS

    for setting in reversed(SETTINGS):
        default = "" if setting.default == "" else f"; {str(setting.default).lower()} unless set"
        text = f"{setting.help}{default} [{setting.variable}]"
        command = click.option(setting.option, setting.name, metavar=setting.metavar, help=text)(command)
        if setting.old_name:
            command = click.option(setting.old_option, setting.old_name, hidden=True)(command)
    return command


@click.command(epilog=EPILOG, context_settings={"max_content_width": 110})
@_with_settings
@click.option("--json", "as_json", is_flag=True, help="print what happens as JSON, a line each")
def serve(as_json: bool, **given: Any) -> None:
    """Run the registry: HTTP, its log, and, unless a database is given, its own PostgreSQL.

    Every option can be set in the environment instead, under the name that stands after it.
    """
    from hallmarket.server.errors import Refusal
    from hallmarket.server.rooms import SETTINGS, load_settings
    from hallmarket.server.serve import serve as run
    from hallmarket.server.settings import deprecation_warnings

    for warning in deprecation_warnings(given, os.environ, SETTINGS):
        click.echo(f"hallmarket: {warning}", err=True)
    try:
        settings = load_settings(given, os.environ)
        run(settings, _announce_json if as_json else _announce)
    except Refusal as refusal:
        if as_json:
            click.echo(json.dumps({"event": "refused", "message": str(refusal)}))
        click.echo(f"hallmarket: {refusal}", err=True)
        sys.exit(1)


def _announce(url: str, first: "FirstStart | None") -> None:
    if first is not None:
        click.echo(
            f"Made for this first start, and shown this once:\n"
            f"  organization  {first.organization}\n"
            f"  user          {first.username}\n"
            f"  API key       {first.key.key}\n"
        )
    click.echo(f"Hallmarket answers at {url}")
    if first is not None:
        click.echo(
            f"\nNext, in another terminal:\n"
            f"  export HALLMARKET_SERVER={url} HALLMARKET_API_KEY={first.key.key}\n"
            f"  hallmarket anchor photo.jpg     fingerprint it and enter it in the log\n"
            f"  hallmarket verify photo.jpg     prove it, as anybody can, without a key\n"
            f"  hallmarket admin --help         organizations, people, keys and money"
        )


def _announce_json(url: str, first: "FirstStart | None") -> None:
    if first is not None:
        made = {"organization": str(first.organization), "user": first.username, "key": first.key.key}
        click.echo(json.dumps({"event": "first-start", **made, "keyId": str(first.key.id)}))
    click.echo(json.dumps({"event": "listening", "url": url}))
