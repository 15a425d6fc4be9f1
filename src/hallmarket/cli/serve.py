"""`hallmarket serve`: run a server."""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.exit_status import FAILED
from hallmarket.cli._shared.extras import require_extra
from hallmarket.cli._shared.help import epilog

if TYPE_CHECKING:
    from hallmarket.server.identity.first_start import FirstStart


def _settings_options(command: Any) -> Any:
    """Add one option per setting, and hidden ones for old names; the rooms of the server define the settings."""
    require_extra("server", "`hallmarket serve`")
    from hallmarket.server.rooms import SETTINGS

    for setting in reversed(SETTINGS):
        default = "" if setting.default == "" else f"; {str(setting.default).lower()} unless set"
        text = f"{setting.help}{default} [{setting.variable}]"
        command = click.option(setting.option, setting.name, metavar=setting.metavar, help=text)(command)
        if setting.old_name:
            command = click.option(setting.old_option, setting.old_name, hidden=True)(command)
    return command


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket serve                                 on http://127.0.0.1:8000, data in the default folder
          hallmarket serve --data ./registry --port 9000
          hallmarket serve --database postgresql://hallmarket@db/hallmarket --workers 4
          HALLMARKET_PUBLIC_URL=https://registry.example hallmarket serve --host 0.0.0.0

        The first start creates an organization, an administrator and an API key, and prints the key; it is not shown
        again. SIGTERM or Ctrl-C stops the server after the requests in flight, with status 0. No acknowledged request
        is lost, even after kill -9.
        """
    ),
    context_settings={"max_content_width": 110},
)
@_settings_options
@click.option("--json", "as_json", is_flag=True, help="print each event as a line of JSON")
def serve(as_json: bool, **options: Any) -> None:
    """Run the registry: HTTP, the log and, unless a database is given, an embedded PostgreSQL.

    Every option can also be set by the environment variable after its description.
    """
    from hallmarket.server.errors import Refusal
    from hallmarket.server.rooms import SETTINGS, load_settings
    from hallmarket.server.serve import serve as run
    from hallmarket.server.settings import deprecation_warnings

    for warning in deprecation_warnings(options, os.environ, SETTINGS):
        click.echo(f"hallmarket: {warning}", err=True)
    try:
        settings = load_settings(options, os.environ)
        run(settings, _announce_json if as_json else _announce)
    except Refusal as refusal:
        if as_json:
            click.echo(json.dumps({"event": "refused", "message": str(refusal)}))
        click.echo(f"hallmarket: {refusal}", err=True)
        sys.exit(FAILED)


def _announce(url: str, first: "FirstStart | None") -> None:
    if first is not None:
        click.echo(
            f"Created at this first start; the key is shown only once:\n"
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
            f"  hallmarket verify photo.jpg     prove it, which needs no key\n"
            f"  hallmarket admin --help         organizations, people, keys and money"
        )


def _announce_json(url: str, first: "FirstStart | None") -> None:
    if first is not None:
        created = {"organization": str(first.organization), "user": first.username, "key": first.key.key}
        click.echo(json.dumps({"event": "first-start", **created, "keyId": str(first.key.id)}))
    click.echo(json.dumps({"event": "listening", "url": url}))
