"""Reads the columns of a CREATE TABLE text. The text never runs.

Callers may send the column names separately, because the official client's text can misspell them. Then only the types
of the text count.
"""

import re
from collections.abc import Iterator, Sequence

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.column_types import parse_type

TOKEN = re.compile(
    r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|[^\W\d][\w$]*|\d+(?:\.\d+)?|[(),]|\s+|[^\s]', re.ASCII | re.DOTALL
)
CONSTRAINTS = {"primary", "unique", "check", "foreign", "constraint", "exclude"}
# Words that end a column's type.
AFTER_TYPE = CONSTRAINTS | {"not", "null", "default", "references", "collate", "generated"}


def parse_create_table(text: str) -> tuple[list[str], list[str]]:
    """Read the column names, as spelled, and the canonical types of a CREATE TABLE text. Raises InvalidRequest."""
    tokens = [token for token in TOKEN.findall(text) if not token.isspace()]
    try:
        begin = tokens.index("(")
    except ValueError:
        raise InvalidRequest("The schema is not a CREATE TABLE statement.", "schema") from None
    if [token.lower() for token in tokens[:2]] != ["create", "table"]:
        raise InvalidRequest("The schema is not a CREATE TABLE statement.", "schema")
    names, types = [], []
    for declared in _split_columns(tokens[begin + 1 :]):
        if declared[0].lower() in CONSTRAINTS:
            continue
        end = next((at for at, word in enumerate(declared) if at and word.lower() in AFTER_TYPE), len(declared))
        names.append(_unquote(declared[0]))
        types.append(parse_type(" ".join(declared[1:end])))
    return names, types


def _split_columns(tokens: Sequence[str]) -> Iterator[list[str]]:
    """Yield the tokens of each declared column."""
    depth, declared = 0, list[str]()
    for token in tokens:
        if not depth and token in {",", ")"}:
            if not declared:
                raise InvalidRequest("The schema declares a column without a name.", "schema")
            yield declared
            if token != ",":  # noqa: S105 (SQL, not a password)
                return
            declared = []
            continue
        depth += {"(": 1, ")": -1}.get(token, 0)
        declared.append(token)
    raise InvalidRequest("The schema ends inside its list of columns.", "schema")


def _unquote(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token
