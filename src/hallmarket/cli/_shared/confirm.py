"""Asking the person at the terminal before something that cannot be taken back."""

import sys

import click

from hallmarket.cli._shared.exit_status import NO, CommandError


def need_somebody(*, yes: bool, otherwise: str = "") -> None:
    """A usage error unless somebody is there to be asked, or has said --yes."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"nobody is there to ask: say --yes{otherwise}")


def confirm(question: str, nothing: str) -> None:
    """Ask on stderr; raises CommandError with what did not happen for a no."""
    if not click.confirm(question, err=True):
        raise CommandError(nothing, NO, "FAILED")
