"""The end of every --help: examples, notes and the table of exit statuses."""

import inspect

from hallmarket.cli._shared.exit_status import EXIT_STATUSES

EXIT_STATUS_HELP = "\b\nExit status:\n" + "\n".join(f"  {status:<3}  {text}" for status, text in EXIT_STATUSES.items())


def epilog(text: str) -> str:
    """Return a command's examples and notes, followed by the exit statuses.

    As in any help text of click, a paragraph that begins with \\b is not wrapped.
    """
    return f"{inspect.cleandoc(text)}\n\n{EXIT_STATUS_HELP}"
