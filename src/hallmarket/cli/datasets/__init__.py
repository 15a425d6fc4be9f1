"""`hallmarket datasets`: list, query, push and pull tables with versions."""

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "list": Verb("list:list_datasets", "List the datasets that you can see, newest first."),
    "show": Verb("show:show", "Show a dataset's owner, size and columns."),
    "query": Verb("query:query", "Query a dataset with SQL."),
    "versions": Verb("versions:versions", "List a dataset's versions, newest first."),
    "push": Verb("push:push", "Send a table's rows to a dataset, as one new version."),
    "pull": Verb("pull:pull", "Download a version of a dataset, verify it, and save its proof."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets list --scope personal
          hallmarket datasets show 0190a3c2-…
          hallmarket datasets query 0190a3c2-… 'select count(*) from {{table}}'
          hallmarket datasets push 0190a3c2-… july.csv
          hallmarket datasets pull 0190a3c2-… -o stations.parquet
        """
    ),
)
def datasets() -> None:
    """List, query, pull and push datasets."""
