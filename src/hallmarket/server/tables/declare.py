"""What a table is to look like, as callers declare it: a CREATE TABLE text, column names, references, enums.

The text is never run. Only its list of types is read; the names come from beside it, by position, for the official
client's text may spell them wrong.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.types import Column, read_type

MAX_COLUMNS = 1600  # as in PostgreSQL
MAX_NAME_LENGTH = 63
TOKEN = re.compile(
    r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|[^\W\d][\w$]*|\d+(?:\.\d+)?|[(),]|\s+|[^\s]', re.ASCII | re.DOTALL
)
CONSTRAINTS = {"primary", "unique", "check", "foreign", "constraint", "exclude"}
# Where a type ends and what is said of the column begins.
AFTER_TYPE = CONSTRAINTS | {"not", "null", "default", "references", "collate", "generated"}


def normalize_name(original: str) -> str:
    """A column's name in lower-case snake_case, letters of every script kept; empty if nothing usable is in it."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", original).lower())
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" else "_" for char in lower)
    words = "_".join(word for word in kept.split("_") if word)
    if words and unicodedata.category(words[0])[0] != "L":
        words = "_" + words  # so that SQL takes it without quotes
    return words[:MAX_NAME_LENGTH].rstrip("_")


def name_columns(originals: Sequence[object]) -> list[str]:
    """Normalised names for columns; one with nothing usable in it is column_<place>.

    Raises InvalidRequest for two alike. They are not numbered: which of the two a row means could not be told.
    """
    taken: dict[str, object] = {}
    for place, original in enumerate(originals, 1):
        name = normalize_name(str(original)) or f"column_{place}"
        if name in taken:
            raise InvalidRequest(f"The columns {taken[name]} and {original} would both be called {name}.", name)
        taken[name] = original
    return list(taken)


def declare_columns(originals: Sequence[object], types: Sequence[str]) -> tuple[Column, ...]:
    """Columns of these original names and canonical types, in order. Raises InvalidRequest."""
    if not originals:
        raise InvalidRequest("A dataset has at least one column.", "columns")
    if len(originals) > MAX_COLUMNS:
        raise InvalidRequest(f"A dataset has at most {MAX_COLUMNS} columns.", "columns")
    if len(originals) != len(types):
        raise InvalidRequest(
            f"The schema declares {len(types)} columns, metadata.columns names {len(originals)}.", "schema"
        )
    names = name_columns(originals)
    return tuple(
        # Where the name says less than the spelling did, rows go on being read by the spelling.
        Column(name, kind, original=None if normalize_name(str(original)) == name else str(original))
        for name, kind, original in zip(names, types, originals, strict=True)
    )


def read_create_table(text: str) -> tuple[list[str], list[str]]:
    """The column names (as spelled) and canonical types of a CREATE TABLE text, in order. Raises InvalidRequest."""
    tokens = [token for token in TOKEN.findall(text) if not token.isspace()]
    try:
        begin = tokens.index("(")
    except ValueError:
        raise InvalidRequest("The schema is no CREATE TABLE text.", "schema") from None
    if [token.lower() for token in tokens[:2]] != ["create", "table"]:
        raise InvalidRequest("The schema is no CREATE TABLE text.", "schema")
    names, types = [], []
    for declared in _split(tokens[begin + 1 :]):
        if declared[0].lower() in CONSTRAINTS:
            continue
        end = next((at for at, word in enumerate(declared) if at and word.lower() in AFTER_TYPE), len(declared))
        names.append(_unquote(declared[0]))
        types.append(read_type(" ".join(declared[1:end])))
    return names, types


def _split(tokens: Sequence[str]) -> Iterator[list[str]]:
    """The tokens of one declared column after the other."""
    depth, declared = 0, list[str]()
    for token in tokens:
        if not depth and token in {",", ")"}:
            if not declared:
                raise InvalidRequest("The schema declares a column without a name.", "schema")
            yield declared
            if token != ",":  # noqa: S105 (a word of SQL)
                return
            declared = []
            continue
        depth += {"(": 1, ")": -1}.get(token, 0)
        declared.append(token)
    raise InvalidRequest("The schema ends in the middle of its columns.", "schema")


def _unquote(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token


def find_named(columns: Sequence[Column], name: str) -> Column | None:
    """The column that a caller means by `name`, in whichever spelling."""
    return find_any_named(columns)(name)


def find_any_named(columns: Sequence[Column]) -> Callable[[str], Column | None]:
    """As `find_named`, for many names."""
    by_name = {column.name: column for column in reversed(columns)}
    by_original = {column.original: column for column in reversed(columns) if column.original is not None}

    def find(name: str) -> Column | None:
        return by_name.get(normalize_name(name)) or by_original.get(name)

    return find


def get_named(columns: Sequence[Column], name: str) -> Column:
    """The column that a caller means by `name`. Raises InvalidRequest."""
    column = find_named(columns, name)
    if column is None:
        raise InvalidRequest(f"There is no column {name[:100]}.", name[:100])
    return column


def read_enum_values(values: object, name: str) -> tuple[str, ...]:
    """The values an enum column may have, in order and each once. Raises InvalidRequest."""
    if isinstance(values, Mapping):
        values = values.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise InvalidRequest(f"The enum column {name} needs a list of the values it may have.", name)
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise InvalidRequest(f"The values of the enum column {name} are texts, none of them empty.", name)
    return tuple(dict.fromkeys(value.strip() for value in values))
