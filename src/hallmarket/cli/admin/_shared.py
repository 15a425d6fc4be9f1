"""What the verbs of `hallmarket admin` share: where the database is, how they work on it, and how they answer."""

import json
import os
from collections.abc import Callable
from typing import Any

import click

from hallmarket.cli._shared.exit_status import CommandError


def common_options(command: Callable[..., None]) -> Any:
    """Add --data, --database and --json, given to the verb as keywords."""
    command = click.option("--json", "as_json", is_flag=True, help="print the result as JSON")(command)
    command = click.option("--database", "database_url", metavar="URL", help="the server's PostgreSQL")(command)
    return click.option("--data", metavar="DIR", help="the server's data folder")(command)


def run_work(common: dict[str, Any], work: Any, *, on_new: bool = True) -> Any:
    """Run `work(connection, secret)` on the database the options name; a refusal is printed as one line."""
    from hallmarket.server.admin import run_admin_command
    from hallmarket.server.errors import DomainError, Refusal
    from hallmarket.server.rooms import load_settings

    try:
        given = {"data": common["data"], "database_url": common["database_url"]}
        # A folder named on the command line means that folder's own database, whatever the environment says.
        if given["data"] and not given["database_url"]:
            given["database_url"] = ""
        return run_admin_command(load_settings(given, os.environ), work, on_new=on_new)
    except (DomainError, Refusal) as refusal:
        raise CommandError(str(refusal), code="REFUSED") from None


def tell(common: dict[str, Any], result: Any, text: str) -> None:
    """Print the result as JSON if that was asked for, else the text."""
    click.echo(json.dumps(result) if common["as_json"] else text)
