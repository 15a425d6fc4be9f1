"""Says what DuckDB found wrong with a query: at its place in the caller's text, and without our own paths."""

import re

import duckdb

from hallmarket.server.query_engine.translate import locate, occurrences
from hallmarket.server.query_engine.types import QueryError, QueryFailed, QueryOutOfMemory

WHERE = re.compile(r"\n\nLINE (\d+): ([^\n]*)\n( *)(\^+)")
# The engine's advice on settings, which nobody can change, and on its own tables, which nobody can read.
ADVICE = re.compile(r" (Use TRY\(|Use \"SET|, or SET ).*|\n\s*Candidate functions:.*|\n\nUse \"SET.*", re.DOTALL)
HINT = re.compile(r"\n(Did you mean .*|Candidate bindings: .*|Either add it .*|Candidate .*)", re.DOTALL)
KIND = re.compile(r"^[A-Za-z ]+ (Error|Exception): ")
PATHS = re.compile(r"(file )?[\"']?/(proc|dev)/[^\s\"',;)]*[\"']?")
WORDS = re.compile(r"'(?:[^']|'')*'|\w+|[^\s\w]")
OUT = re.compile(r"(?i)out of memory|failed to allocate|could not allocate|bad_alloc|memory limit")


def explain_error(error: BaseException, text: str, ran: str) -> QueryError:
    """What to tell of an error of the engine: `text` is what the caller wrote, `ran` what became of it."""
    said = str(error)
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException) or OUT.search(said):
        message = "The query needs more memory than it may have; let it look at fewer rows or groups."
        return QueryError(message, QueryOutOfMemory.code)
    if not isinstance(error, duckdb.Error) or isinstance(error, duckdb.InternalException | duckdb.IOException):
        return QueryError("The query could not be run.", QueryFailed.code)
    place = WHERE.search(said)
    said = KIND.sub("", said[: place.start()] if place else said).strip()
    said = ADVICE.sub("", PATHS.sub("the dataset", said))
    hint = HINT.search(said)
    message = HINT.sub("", said).strip()
    advice = hint[1].strip() if hint and not re.search(r"pg_|duckdb_|information_schema|sqlite_", hint[1]) else None
    mistake = QueryError(message[:1000] if message.endswith((".", "!")) else message[:1000] + ".", hint=advice)
    return _place(mistake, place, text, ran) if place else mistake


def _place(mistake: QueryError, place: re.Match[str], text: str, ran: str) -> QueryError:
    """The first word of the marked place that the caller wrote as well, counted in what ran, is looked for there."""
    excerpt, caret = place[2], len(place[3]) - len(f"LINE {place[1]}: ")
    marked = excerpt[max(caret, 0) :][: len(place[4])]
    clean = excerpt.removeprefix("...").removesuffix("...")
    start = ran.find(clean)
    at = start + caret - (3 if excerpt.startswith("...") else 0) if start >= 0 else ran.find(marked)
    for word in WORDS.finditer(marked):
        before = ran[: at + word.start()] if at >= 0 else ""
        found = locate(mistake, text, word[0], count=occurrences(word[0], before) + 1)
        if found.position is not None:
            return found
    return mistake
