"""The help of every command, and the reference page of the command."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hallmarket.cli._shared.exit_status import EXIT_STATUSES
from hallmarket.cli.main import hallmarket

REFERENCE = Path(__file__).parents[2] / "docs/reference/command.md"


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Every command below a command, itself included, by its full name, with the text of its help."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            assert verb is not None
            yield from commands(verb, click.Context(verb, info_name=name, parent=context))


@pytest.fixture(scope="module")
def help_texts() -> dict[str, str]:
    """The help of every command by its full name."""
    settings = {"max_content_width": 200, "terminal_width": 200}
    return dict(commands(hallmarket, click.Context(hallmarket, info_name="hallmarket", **settings)))


def test_every_help_has_an_example(help_texts: dict[str, str]) -> None:
    """Every group and every verb shows at least one command line of its own, and the exit statuses."""
    assert len(help_texts) > 45
    for name, text in help_texts.items():
        assert re.search(rf"^ +Examples?:\n(?: +\S.*\n)*? +(?:[A-Z_]+=\S+ )?{name}\b", text, re.MULTILINE), name
        assert all(f"  {status:<3}  {meaning}" in text for status, meaning in EXIT_STATUSES.items()), name


def test_groups_describe_their_verbs(help_texts: dict[str, str]) -> None:
    """Every verb's one-line summary in the help of its group is a complete sentence, and short enough for one line."""
    for name, text in help_texts.items():
        section = text.partition("Commands:\n")[2].partition("\n\n")[0]
        summaries = [line.strip().partition("  ")[2].strip() for line in section.splitlines()]
        assert len(summaries) == sum(
            other.startswith(f"{name} ") and other.count(" ") == name.count(" ") + 1 for other in help_texts
        )
        assert all(re.fullmatch(r"[A-Z].{5,80}\.", summary) for summary in summaries), name


def test_exit_statuses_of_the_reference() -> None:
    """The reference's table of exit statuses is the one that the help shows."""
    section = REFERENCE.read_text("utf-8").partition("### Exit status")[2].partition("\n### ")[0]
    rows = {int(status): meaning for status, meaning in re.findall(r"^\| (\d+) \| (.+?) \|$", section, re.MULTILINE)}
    assert rows == EXIT_STATUSES


def test_every_command_is_in_the_reference(help_texts: dict[str, str]) -> None:
    """Every command has a section, and every verb of a group has a row in the group's section."""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", REFERENCE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    for name in help_texts:
        _, *path = name.split(" ")
        if len(path) == 1:
            assert f"hallmarket {path[0]}" in sections[path[0]]
        elif path:
            assert re.search(rf"^\| `{path[1]}\b", sections[path[0]], re.MULTILINE), name
