"""Loader of a room's `queries.sql`, in which each query follows a line `-- name: find_person`."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


class Queries:
    """The named queries of one room as attributes: `sql.find_person` is the text of that query."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def __getattr__(self, name: str) -> str:
        try:
            return self.texts[name]
        except KeyError:
            raise AttributeError(f"no query is named {name!r}") from None


@cache
def load_queries(package: str) -> Queries:
    """Load the queries of `package`'s queries.sql. Raises ValueError if two queries have the same name."""
    text = (files(package) / "queries.sql").read_text(encoding="utf-8")
    pieces = _NAME.split(text)[1:]
    names, bodies = pieces[::2], pieces[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package} has two queries with the same name")
    # The name stays in the text as a comment, so that PostgreSQL's log and statistics show which query it is.
    return Queries({name: f"-- {package}.{name}\n{body.strip()}" for name, body in zip(names, bodies, strict=True)})
