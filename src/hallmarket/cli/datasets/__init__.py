"""`hallmarket datasets`: list, query, pull and push tables with versions."""

import click

from hallmarket.cli._shared.exchange import EPILOG_END, EXAMPLE
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "list": Verb("list:list_datasets", "List datasets that you may see, newest first."),
    "show": Verb("show:show", "Show a dataset: whose it is, how large, and its columns."),
    "query": Verb("query:query", "Ask a dataset a question in SQL."),
    "versions": Verb("versions:versions", "List a dataset's versions, newest first."),
    "push": Verb("push:push", "Send a table's rows to a dataset, as one new version."),
    "pull": Verb("pull:pull", "Fetch a version of a dataset, and what proves it."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=f"""
    \b
    Examples:
      hallmarket datasets list --scope personal
      hallmarket datasets show 0190a3c2-…
      hallmarket datasets query 0190a3c2-… {EXAMPLE}
    {EPILOG_END}""",
)
def datasets() -> None:
    """List, query, pull and push datasets."""
