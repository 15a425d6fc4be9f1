"""Translates a query from PostgreSQL's dialect to DuckDB's. The allowlist decides whether the translation may run."""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError, UnsupportedError

from hallmarket.server.query_engine.errors import RejectedQuery
from hallmarket.server.query_engine.types import TABLE

MAX_CHARACTERS = 100_000
UNNAMED = "?column?"  # PostgreSQL's name for a column that has none
# Strings, quoted names, dollar quotes and comments, which stay as they are; and the dataset's name anywhere else.
TOKENS = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
    | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar) | (?P<table>\{\{\s*table\s*\}\})""",
    re.VERBOSE | re.DOTALL,
)
# PostgreSQL's functions that DuckDB has under another name, with the same arguments.
RENAMED_FUNCTIONS = {
    **dict.fromkeys(("json_build_object", "jsonb_build_object"), "json_object"),
    **dict.fromkeys(("json_build_array", "jsonb_build_array"), "json_array"),
    **dict.fromkeys(("json_object_agg", "jsonb_object_agg", "json_objectagg"), "json_group_object"),
    **dict.fromkeys(("jsonb_array_length",), "json_array_length"),
    **dict.fromkeys(("to_jsonb",), "to_json"),
    **dict.fromkeys(("jsonb_typeof", "json_typeof"), "json_type"),
    "every": "bool_and",
    **dict.fromkeys(("clock_timestamp", "statement_timestamp", "transaction_timestamp"), "now"),
}
CLOCK_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.CurrentTimestamp: "now",
    exp.CurrentDate: "current_date",
    exp.Localtimestamp: "current_localtimestamp",
    exp.Localtime: "current_localtime",
    exp.CurrentTime: "get_current_time",
}
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it raises its errors as well


def translate_sql(text: str) -> str:
    """Translate a SELECT to DuckDB's dialect, in which the dataset is the table "{{table}}". Raises RejectedQuery."""
    if len(text) > MAX_CHARACTERS:
        raise RejectedQuery(f"The query is too long. It may have at most {MAX_CHARACTERS:,} characters.")
    if "\0" in text:
        raise RejectedQuery("The query contains a NUL character. Remove it.", position=text.index("\0") + 1)
    try:
        tree = _parse(TOKENS.sub(_quote_table, text))
        _apply_postgres_names(tree)
        for node in list(tree.find_all(exp.Func, exp.SimilarTo)):
            _translate_function(node)
        return tree.sql(dialect=DuckDB, comments=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise RejectedQuery(f"This part of PostgreSQL is not supported: {error}") from error
    except RecursionError as error:
        raise RejectedQuery("The query is nested too deeply. Simplify it.") from error
    except SqlglotError as error:
        raise _syntax_error(error) from error


def _quote_table(match: re.Match[str]) -> str:
    return f'"{TABLE}"' if match["table"] else match[0]


def _parse(text: str) -> exp.Expr:
    statements = [statement for statement in sqlglot.parse(text, dialect=Postgres) if statement is not None]
    if not statements:
        raise RejectedQuery("The query is empty. Send a SELECT statement.")
    if len(statements) > 1:
        raise RejectedQuery("A query must be a single SELECT statement, not several statements.")
    tree = statements[0]
    if not isinstance(tree, exp.Query | exp.Values):
        raise RejectedQuery("A query must be a single SELECT statement.")
    for kind, message in (
        (exp.Into, "SELECT INTO creates a table, and a query can only read. Remove INTO."),
        (exp.Lock, "Remove FOR UPDATE or FOR SHARE: a dataset version never changes, so there is nothing to lock."),
    ):
        if tree.find(kind):
            raise RejectedQuery(message)
    return tree


def _apply_postgres_names(tree: exp.Expr) -> None:
    """Fold unquoted names to lower case, and give unnamed columns the names that PostgreSQL gives them."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Identifier) and not node.quoted:
            node.set("this", node.this.lower())
        elif isinstance(node, exp.Select):
            node.set("expressions", [_with_name(item) for item in node.expressions])


def _with_name(item: exp.Expr) -> exp.Expr:
    if isinstance(item, exp.Alias | exp.Aliases | exp.Star | exp.Column | exp.Dot) or item.is_star:
        return item
    return exp.alias_(item, _postgres_name(item), quoted=True)


def _postgres_name(item: exp.Expr) -> str:
    match item:
        case exp.Cast() | exp.Paren() | exp.Filter() | exp.Window() | exp.WithinGroup() | exp.Bracket():
            inner = _postgres_name(item.this)
            if inner == UNNAMED and isinstance(item, exp.Cast):
                return item.to.sql(dialect=Postgres).split("(")[0].lower()
            return inner
        case exp.Column():
            return item.name
        case exp.Case():
            return "case"
        case exp.Subquery():
            first = item.this.selects[0] if isinstance(item.this, exp.Query) and item.this.selects else None
            return first.alias_or_name or UNNAMED if first is not None else UNNAMED
        case exp.Array():
            return "array"
        case exp.Anonymous():
            return item.name.lower()
        case exp.Func() if isinstance(item, exp.AggFunc) or not isinstance(item, exp.Binary):
            called = re.match(r"[a-z_][a-z0-9_]*(?=\(|$)", item.sql(dialect=Postgres).lower())
            return called[0] if called else UNNAMED
    return UNNAMED


def _translate_function(node: exp.Expr) -> None:
    """Replace a function that DuckDB has under another name or writes differently."""
    match node:
        case exp.Mode() if isinstance(node.parent, exp.WithinGroup):
            value = node.parent.expression.expressions[0].this
            node.parent.replace(exp.Anonymous(this="mode", expressions=[value.copy()]))
        case exp.CurrentTimestamp() | exp.CurrentDate() | exp.Localtimestamp() | exp.Localtime() | exp.CurrentTime():
            node.replace(exp.Anonymous(this=CLOCK_FUNCTIONS[type(node)]))  # without brackets DuckDB reads a column
        case exp.Anonymous() if node.name.lower() in RENAMED_FUNCTIONS:
            node.set("this", RENAMED_FUNCTIONS[node.name.lower()])
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
                exp.Anonymous(
                    this="regexp_full_match", expressions=[node.this.copy(), _similar_to_regex(node.expression)]
                )
            )
        case exp.Format() if isinstance(node.this, exp.Literal):
            node.replace(_translate_format(node))


def _similar_to_regex(pattern: exp.Expr) -> exp.Expr:
    """Translate a pattern of SIMILAR TO to a regular expression."""
    if not isinstance(pattern, exp.Literal):
        raise UnsupportedError("SIMILAR TO with a pattern that is not a string literal.")
    regex = re.sub(r"\\.|[%_.^$]", lambda match: {"%": ".*", "_": "."}.get(match[0], "\\" + match[0][-1]), pattern.name)
    return exp.Literal.string(regex)


def _translate_format(node: exp.Format) -> exp.Expr:
    if re.search(r"%[^s%]", node.this.name):
        raise UnsupportedError("format() with a specifier other than %s.")
    template = node.this.name.replace("{", "{{").replace("}", "}}").replace("%s", "{}").replace("%%", "%")
    texts = [exp.cast(argument.copy(), "text") for argument in node.expressions]
    return exp.Anonymous(this="format", expressions=[exp.Literal.string(template), *texts])


def _syntax_error(error: SqlglotError) -> RejectedQuery:
    if isinstance(error, TokenError):
        return RejectedQuery("The query ends inside a string, a quoted name or a comment.")
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        word, line = first.get("highlight") or "", first.get("line") or 0
        message = f'Syntax error at or near "{word}".' if word else "Syntax error at the end of the query."
        return RejectedQuery(message, word, line)
    return RejectedQuery("The query cannot be parsed.")
