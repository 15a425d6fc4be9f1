"""Reads a caller's PostgreSQL text and writes it as DuckDB's. It translates; what may run, `judge` decides."""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError, UnsupportedError

from hallmarket.server.query_engine.allowlist import TABLE, Refused
from hallmarket.server.query_engine.types import QueryError

MAX_CHARACTERS = 100_000
# What stays as it is, and in between the table's name: text, quoted names, dollar quotes and comments.
PARTS = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
    | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar) | (?P<table>\{\{\s*table\s*\}\})""",
    re.VERBOSE | re.DOTALL,
)
# PostgreSQL's functions that DuckDB has by another name, with the same arguments.
RENAMED = {
    **dict.fromkeys(("json_build_object", "jsonb_build_object"), "json_object"),
    **dict.fromkeys(("json_build_array", "jsonb_build_array"), "json_array"),
    **dict.fromkeys(("json_object_agg", "jsonb_object_agg", "json_objectagg"), "json_group_object"),
    **dict.fromkeys(("jsonb_array_length",), "json_array_length"),
    **dict.fromkeys(("to_jsonb",), "to_json"),
    **dict.fromkeys(("jsonb_typeof", "json_typeof"), "json_type"),
    "every": "bool_and",
    **dict.fromkeys(("clock_timestamp", "statement_timestamp", "transaction_timestamp"), "now"),
}
CLOCKS: dict[type[exp.Expr], str] = {
    exp.CurrentTimestamp: "now",
    exp.CurrentDate: "current_date",
    exp.Localtimestamp: "current_localtimestamp",
    exp.Localtime: "current_localtime",
    exp.CurrentTime: "get_current_time",
}
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it finds wrong is raised


class Untranslatable(Exception):
    """The text is no single SELECT that can be read."""

    def __init__(self, mistake: QueryError) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


def translate(text: str) -> str:
    """The one SELECT of `text` in DuckDB's words, with the dataset as the table "{{table}}". Raises Untranslatable."""
    if len(text) > MAX_CHARACTERS:
        raise Untranslatable(QueryError(f"A query has at most {MAX_CHARACTERS:,} characters."))
    if "\0" in text:
        raise Untranslatable(QueryError("A query has no zero bytes.", position=text.index("\0") + 1))
    try:
        tree = _parse(PARTS.sub(_quote_table, text))
        _spell_as_postgres(tree)
        return tree.sql(dialect=DuckDB, comments=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise Untranslatable(QueryError(f"PostgreSQL has this, the engine has not: {error}")) from error
    except RecursionError as error:
        raise Untranslatable(QueryError("The query is nested too deeply.")) from error
    except SqlglotError as error:
        raise Untranslatable(_read_error(error, text)) from error


def _quote_table(match: re.Match[str]) -> str:
    return f'"{TABLE}"' if match["table"] else match[0]


def _parse(text: str) -> exp.Expr:
    statements = [statement for statement in sqlglot.parse(text, dialect=Postgres) if statement is not None]
    if not statements:
        raise Untranslatable(QueryError("The query is empty."))
    if len(statements) > 1:
        raise Untranslatable(QueryError("Only a single SELECT can be asked; these are several statements."))
    tree = statements[0]
    if not isinstance(tree, exp.Query | exp.Values):
        raise Untranslatable(QueryError("Only a single SELECT can be asked."))
    for kind, message in (
        (exp.Into, "SELECT INTO makes a table; only reading can be asked."),
        (exp.Lock, "There is nothing to lock: a version of a dataset never changes."),
    ):
        if tree.find(kind):
            raise Untranslatable(QueryError(message))
    return tree


def _spell_as_postgres(tree: exp.Expr) -> None:
    """Fold names, name the columns nobody named, and rename functions, as PostgreSQL would understand them."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Identifier) and not node.quoted:
            node.set("this", node.this.lower())
        elif isinstance(node, exp.Select):
            node.set("expressions", [_named(item) for item in node.expressions])
    for node in list(tree.find_all(exp.Func, exp.SimilarTo)):
        _rename(node)


def _named(item: exp.Expr) -> exp.Expr:
    if isinstance(item, exp.Alias | exp.Aliases | exp.Star | exp.Column | exp.Dot) or item.is_star:
        return item
    return exp.alias_(item, _postgres_name(item), quoted=True)


def _postgres_name(item: exp.Expr) -> str:
    match item:
        case exp.Cast() | exp.Paren() | exp.Filter() | exp.Window() | exp.WithinGroup() | exp.Bracket():
            inner = _postgres_name(item.this)
            if inner == "?column?" and isinstance(item, exp.Cast):
                return item.to.sql(dialect=Postgres).split("(")[0].lower()
            return inner
        case exp.Column():
            return item.name
        case exp.Case():
            return "case"
        case exp.Subquery():
            first = item.this.selects[0] if isinstance(item.this, exp.Query) and item.this.selects else None
            return first.alias_or_name or "?column?" if first is not None else "?column?"
        case exp.Array():
            return "array"
        case exp.Anonymous():
            return item.name.lower()
        case exp.Func() if isinstance(item, exp.AggFunc) or not isinstance(item, exp.Binary):
            called = re.match(r"[a-z_][a-z0-9_]*(?=\(|$)", item.sql(dialect=Postgres).lower())
            return called[0] if called else "?column?"
    return "?column?"


def _rename(node: exp.Expr) -> None:
    """What DuckDB has by another name, or in other words."""
    match node:
        case exp.Mode() if isinstance(node.parent, exp.WithinGroup):
            value = node.parent.expression.expressions[0].this
            node.parent.replace(exp.Anonymous(this="mode", expressions=[value.copy()]))
        case exp.CurrentTimestamp() | exp.CurrentDate() | exp.Localtimestamp() | exp.Localtime() | exp.CurrentTime():
            node.replace(exp.Anonymous(this=CLOCKS[type(node)]))  # DuckDB takes the bare word for a column so named
        case exp.Anonymous() if node.name.lower() in RENAMED:
            node.set("this", RENAMED[node.name.lower()])
        case exp.JSONArrayAgg():
            node.replace(exp.Anonymous(this="to_json", expressions=[exp.ArrayAgg(this=node.this.copy())]))
        case exp.Anonymous() if node.name.lower() in ("json_agg", "jsonb_agg"):
            node.replace(exp.Anonymous(this="to_json", expressions=[exp.ArrayAgg(this=node.expressions[0].copy())]))
        case exp.JSONObjectAgg():
            pairs = [part.copy() for pair in node.expressions for part in (pair.this, pair.expression)]
            node.replace(exp.Anonymous(this="json_group_object", expressions=pairs))
        case exp.Substring() if isinstance(start := node.args.get("start"), exp.Literal) and start.is_string:
            arguments = [node.this.copy(), start.copy()]
            node.replace(
                exp.Nullif(
                    this=exp.Anonymous(this="regexp_extract", expressions=arguments), expression=exp.Literal.string("")
                )
            )
        case exp.SimilarTo():
            node.replace(
                exp.Anonymous(this="regexp_full_match", expressions=[node.this.copy(), _similar(node.expression)])
            )
        case exp.Format() if isinstance(node.this, exp.Literal):
            node.replace(_format(node))


def _similar(pattern: exp.Expr) -> exp.Expr:
    """A pattern of SIMILAR TO as a regular expression."""
    if not isinstance(pattern, exp.Literal):
        raise UnsupportedError("SIMILAR TO a pattern that is no plain text.")
    said = re.sub(r"\\.|[%_.^$]", lambda match: {"%": ".*", "_": "."}.get(match[0], "\\" + match[0][-1]), pattern.name)
    return exp.Literal.string(said)


def _format(node: exp.Format) -> exp.Expr:
    if re.search(r"%[^s%]", node.this.name):
        raise UnsupportedError("format() with anything but %s.")
    said = node.this.name.replace("{", "{{").replace("}", "}}").replace("%s", "{}").replace("%%", "%")
    texts = [exp.cast(argument.copy(), "text") for argument in node.expressions]
    return exp.Anonymous(this="format", expressions=[exp.Literal.string(said), *texts])


def _read_error(error: SqlglotError, text: str) -> QueryError:
    if isinstance(error, TokenError):
        return QueryError("The query ends in the middle of a text, a name or a comment.")
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        word, line = first.get("highlight") or "", first.get("line") or 0
        message = f'Syntax error at or near "{word}".' if word else "Syntax error at the end of the query."
        return locate(QueryError(message), text, word, line)
    return QueryError("The query cannot be read.")


def locate(mistake: QueryError, text: str, word: str, line: int = 0, count: int = 1) -> QueryError:
    """The mistake, with the place of the `count`-th `word` of the caller's text, from `line` on, if it is there."""
    start = sum(map(len, text.splitlines(keepends=True)[: line - 1])) if line > 1 else 0
    found = list(_word(word).finditer(text, start)) if word else []
    if not found:
        return mistake
    at = found[min(count, len(found)) - 1].start()
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return QueryError(mistake.message, mistake.code, mistake.hint, at + 1, line, column)


def occurrences(word: str, text: str) -> int:
    """How often a word stands in a text."""
    return len(_word(word).findall(text))


def _word(word: str) -> re.Pattern[str]:
    edges = (r"(?<!\w)", r"(?!\w)") if word.isidentifier() else ("", "")
    return re.compile(edges[0] + re.escape(word) + edges[1], re.IGNORECASE)


def refuse(refused: Refused, text: str) -> QueryError:
    """What `judge` refused, placed in the caller's text."""
    return locate(QueryError(refused.message), text, refused.word)
