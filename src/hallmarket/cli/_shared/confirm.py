"""Confirmation by the person at the terminal before something that cannot be undone."""

import sys

import click

from hallmarket.cli._shared.exit_status import FAILED, CommandError


def require_terminal(*, yes: bool, hint: str = "") -> None:
    """Raise a usage error unless --yes was given or standard input is a terminal, where the question can be asked."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask at: pass --yes{hint}")


def confirm(question: str, declined: str) -> None:
    """Ask a yes-or-no question on stderr; raises CommandError with the message `declined` for a no."""
    if not click.confirm(question, err=True):
        raise CommandError(declined, FAILED, "FAILED")
