"""A click group that imports a verb's module only when that verb is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from hallmarket.cli._shared.exit_status import CommandError


class Verb(NamedTuple):
    """Where a verb's command is defined (`module:attribute`, relative to the group's package), and its summary."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """A group whose verbs are named in a table; help and shell completion list them without importing any."""

    def __init__(self, *args: Any, package: str, verbs: Mapping[str, Verb], **options: Any) -> None:
        super().__init__(*args, **options)
        self.package, self.verbs = package, verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the verbs' names in the table's order."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's command, or return None if there is no such verb; raises CommandError without its extra."""
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        module, attribute = verb.target.split(":")
        try:
            command: click.Command = getattr(import_module(f"{self.package}.{module}"), attribute)
        except CommandError:
            if ctx.resilient_parsing:
                return None  # shell completion must not print an error
            raise
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs' summaries."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb's name, or one of the group's own options."""
        names = [name for name in self.verbs if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.verbs[name].summary) for name in names]
        return items + click.Command.shell_complete(self, ctx, incomplete)
