"""What the verbs of `hallmarket admin` share: options, database connection, output."""

import json
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.extras import require_extra


def common_options(verb: Callable[..., None]) -> Any:
    """Add --data, --database and --json, passed to the verb as keyword arguments; the verb needs the extra `server`."""

    @wraps(verb)
    def with_server(*args: Any, **options: Any) -> None:
        require_extra("server", "`hallmarket admin`")
        verb(*args, **options)

    command = click.option("--json", "as_json", is_flag=True, help="print the result as JSON")(with_server)
    command = click.option("--database", "database_url", metavar="URL", help="the server's PostgreSQL")(command)
    return click.option("--data", metavar="DIR", help="the server's data folder")(command)


def run_on_database(common: dict[str, Any], work: Any, *, on_new: bool = True) -> Any:
    """Run `work(connection, secret)` on the database that the options name and return its result.

    With `on_new` a missing database is created. Raises CommandError if the server's code refuses.
    """
    from hallmarket.server.admin import run_admin_command
    from hallmarket.server.errors import DomainError, Refusal
    from hallmarket.server.rooms import load_settings

    try:
        options = {"data": common["data"], "database_url": common["database_url"]}
        # --data selects that folder's own database, even if HALLMARKET_DATABASE_URL is set.
        if options["data"] and not options["database_url"]:
            options["database_url"] = ""
        return run_admin_command(load_settings(options, os.environ), work, on_new=on_new)
    except (DomainError, Refusal) as refusal:
        raise CommandError(str(refusal), code="REFUSED") from None


def print_result(common: dict[str, Any], result: Any, text: str) -> None:
    """Print the result as JSON with --json, else the text."""
    click.echo(json.dumps(result) if common["as_json"] else text)
