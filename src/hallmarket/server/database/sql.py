"""The `.sql` loader: a room's `queries.sql`, a query a name, each under a line `-- name: find_person`."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


class Queries:
    """The named queries of one room, as attributes: `sql.find_person` is the text of that query."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def __getattr__(self, name: str) -> str:
        try:
            return self.texts[name]
        except KeyError:
            raise AttributeError(f"no query is named {name!r}") from None


def load_queries(package: str) -> Queries:
    """The queries of `package`'s queries.sql. Raises ValueError if a name stands there twice."""
    text = (files(package) / "queries.sql").read_text(encoding="utf-8")
    pieces = _NAME.split(text)[1:]
    names, bodies = pieces[::2], pieces[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package} has two queries of one name")
    # The name rides along as a comment, so that the database's own log and statistics say whose query it was.
    return Queries({name: f"-- {package}.{name}\n{body.strip()}" for name, body in zip(names, bodies, strict=True)})
