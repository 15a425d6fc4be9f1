"""Columns as callers declare them: normalised names, types and enum values; and finding a column by any spelling."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.types import Column

MAX_COLUMNS = 1600  # as in PostgreSQL
MAX_NAME_LENGTH = 63


def normalize_name(original: str) -> str:
    """Convert a name to lower-case snake_case. Letters of every script stay. The result may be empty."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", original).lower())
    replaced = "".join(char if unicodedata.category(char)[0] in "LMN" else "_" for char in lower)
    words = "_".join(word for word in replaced.split("_") if word)
    if words and unicodedata.category(words[0])[0] != "L":
        words = "_" + words  # so SQL accepts it without quotes
    return words[:MAX_NAME_LENGTH].rstrip("_")


def name_columns(originals: Sequence[object]) -> list[str]:
    """Normalise the names of columns. A name with no usable character becomes column_<number>, counted from 1.

    Raises InvalidRequest if two names become the same. Numbering them apart would leave it open which one a row means.
    """
    originals_by_name: dict[str, object] = {}
    for number, original in enumerate(originals, 1):
        name = normalize_name(str(original)) or f"column_{number}"
        if name in originals_by_name:
            first = originals_by_name[name]
            raise InvalidRequest(f"The columns {first} and {original} would both be called {name}. Rename one.", name)
        originals_by_name[name] = original
    return list(originals_by_name)


def declare_columns(originals: Sequence[object], types: Sequence[str]) -> tuple[Column, ...]:
    """Make columns from original names and canonical types, in order. Raises InvalidRequest."""
    if not originals:
        raise InvalidRequest("A dataset needs at least one column.", "columns")
    if len(originals) > MAX_COLUMNS:
        raise InvalidRequest(f"A dataset can have at most {MAX_COLUMNS} columns.", "columns")
    if len(originals) != len(types):
        raise InvalidRequest(
            f"The schema declares {len(types)} columns, but metadata.columns names {len(originals)}.", "schema"
        )
    names = name_columns(originals)
    return tuple(
        # Rows may use the original spelling, which is stored only if normalising it does not give the name.
        Column(name, kind, original=None if normalize_name(str(original)) == name else str(original))
        for name, kind, original in zip(names, types, originals, strict=True)
    )


def find_column(columns: Sequence[Column], name: str) -> Column | None:
    """Find the column that `name` refers to, in any spelling. None if there is none."""
    return column_finder(columns)(name)


def column_finder(columns: Sequence[Column]) -> Callable[[str], Column | None]:
    """Return a function that does what `find_column` does, for looking up many names."""
    by_name = {column.name: column for column in reversed(columns)}
    by_original = {column.original: column for column in reversed(columns) if column.original is not None}

    def find(name: str) -> Column | None:
        return by_name.get(normalize_name(name)) or by_original.get(name)

    return find


def get_column(columns: Sequence[Column], name: str) -> Column:
    """Get the column that `name` refers to, in any spelling. Raises InvalidRequest if there is none."""
    column = find_column(columns, name)
    if column is None:
        raise InvalidRequest(f"There is no column {name[:100]}.", name[:100])
    return column


def read_enum_values(values: object, name: str) -> tuple[str, ...]:
    """Read the allowed values of an enum column: in order, without duplicates. Raises InvalidRequest."""
    if isinstance(values, Mapping):
        values = values.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise InvalidRequest(f"The enum column {name} needs a list of its allowed values.", name)
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise InvalidRequest(f"The values of the enum column {name} must be strings that are not empty.", name)
    return tuple(dict.fromkeys(value.strip() for value in values))
