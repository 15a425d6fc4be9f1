"""Turns an error of a query into a diagnostic: its position in the caller's own text, without internal paths."""

import re

import duckdb

from hallmarket.server.query_engine.errors import Diagnostic, QueryFailed, QueryOutOfMemory, RejectedQuery

MAX_MESSAGE_LENGTH = 1000
# Where DuckDB's messages show the position: the line of the statement, with carets under the part that is wrong.
EXCERPT = re.compile(r"\n\nLINE (\d+): ([^\n]*)\n( *)(\^+)")
# Advice about settings that callers cannot change and functions that they cannot use.
ADVICE = re.compile(r" (Use TRY\(|Use \"SET|, or SET ).*|\n\s*Candidate functions:.*|\n\nUse \"SET.*", re.DOTALL)
HINT = re.compile(r"\n(Did you mean .*|Candidate bindings: .*|Either add it .*|Candidate .*)", re.DOTALL)
CATALOG = re.compile(r"pg_|duckdb_|information_schema|sqlite_")
ERROR_KIND = re.compile(r"^[A-Za-z ]+ (Error|Exception): ")
PATHS = re.compile(r"(file )?[\"']?/(proc|dev)/[^\s\"',;)]*[\"']?")
WORDS = re.compile(r"'(?:[^']|'')*'|\w+|[^\s\w]")
OUT_OF_MEMORY = re.compile(r"(?i)out of memory|failed to allocate|could not allocate|bad_alloc|memory limit")


def explain_error(error: BaseException, text: str, sql: str) -> Diagnostic:
    """Describe an error: `text` is the caller's query, `sql` the DuckDB statement made from it."""
    if isinstance(error, RejectedQuery):
        diagnostic = Diagnostic(error.message, position=error.position)
        return _locate(diagnostic, text, error.word, error.line)
    if isinstance(error, FileNotFoundError):
        return Diagnostic("A file of this version is missing on the server.", QueryFailed.code)
    message = str(error)
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException) or OUT_OF_MEMORY.search(message):
        message = "The query ran out of memory. Let it read fewer rows, or form fewer groups."
        return Diagnostic(message, QueryOutOfMemory.code)
    if not isinstance(error, duckdb.Error) or isinstance(error, duckdb.InternalException | duckdb.IOException):
        return Diagnostic("The query failed. Try to simplify it.", QueryFailed.code)
    return _explain_duckdb_message(message, text, sql)


def _explain_duckdb_message(message: str, text: str, sql: str) -> Diagnostic:
    excerpt = EXCERPT.search(message)
    message = ERROR_KIND.sub("", message[: excerpt.start()] if excerpt else message).strip()
    message = ADVICE.sub("", PATHS.sub("the dataset", message))
    found = HINT.search(message)
    hint = found[1].strip() if found and not CATALOG.search(found[1]) else None
    message = HINT.sub("", message).strip()
    end = "" if message.endswith((".", "!")) else "."
    diagnostic = Diagnostic(message[:MAX_MESSAGE_LENGTH] + end, hint=hint)
    return _locate_excerpt(diagnostic, excerpt, text, sql) if excerpt else diagnostic


def _locate_excerpt(diagnostic: Diagnostic, excerpt: re.Match[str], text: str, sql: str) -> Diagnostic:
    """Locate the first word of the marked part that the caller's text has too.

    If it is the n-th such word of the statement, it is taken to be the n-th of the caller's text.
    """
    line, caret = excerpt[2], len(excerpt[3]) - len(f"LINE {excerpt[1]}: ")
    marked = line[max(caret, 0) :][: len(excerpt[4])]
    start = sql.find(line.removeprefix("...").removesuffix("..."))
    at = start + caret - (3 if line.startswith("...") else 0) if start >= 0 else sql.find(marked)
    for word in WORDS.finditer(marked):
        before = sql[: at + word.start()] if at >= 0 else ""
        occurrence = len(_word_pattern(word[0]).findall(before)) + 1
        located = _locate(diagnostic, text, word[0], occurrence=occurrence)
        if located.position is not None:
            return located
    return diagnostic


def _locate(diagnostic: Diagnostic, text: str, word: str, line: int = 0, occurrence: int = 1) -> Diagnostic:
    """Add the position of a word of the text, counting its occurrences from `line` on; unchanged if it has none."""
    start = sum(map(len, text.splitlines(keepends=True)[: line - 1])) if line > 1 else 0
    found = list(_word_pattern(word).finditer(text, start)) if word else []
    if not found:
        return diagnostic
    at = found[min(occurrence, len(found)) - 1].start()
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return Diagnostic(diagnostic.message, diagnostic.code, diagnostic.hint, at + 1, line, column)


def _word_pattern(word: str) -> re.Pattern[str]:
    edges = (r"(?<!\w)", r"(?!\w)") if word.isidentifier() else ("", "")
    return re.compile(edges[0] + re.escape(word) + edges[1], re.IGNORECASE)
