"""Decides which SQL may run: a single SELECT that reads the dataset and nothing else.

It checks the syntax tree that DuckDB itself makes of the statement. The lockdown keeps other data out of reach in any
case; this check also keeps the engine's own settings, catalog and files from being described.
"""

import json
import re
from typing import Any

import duckdb

from hallmarket.server.query_engine.errors import RejectedQuery
from hallmarket.server.query_engine.types import TABLE

QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
TABLE_NODES = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
# Functions that describe the engine instead of the data, have side effects, or run SQL from a string.
FORBIDDEN_FUNCTIONS = re.compile(
    r"__.*|current_(setting|database|schemas?|catalog|role|user|query|query_id|connection_id|transaction_id)"
    r"|session_user|user|version|getvariable|getenv|nextval|currval|setval|setseed|in_search_path|txid_current"
    r"|write_log|parse_duckdb_log_message|json_(de)?serialize_.*|json_execute_.*|sleep_ms|get_block_size"
    r"|pg_(?!typeof$|size_pretty$).*|has_.*_privilege|inet_.*|(col|obj|shobj)_description|map_to_pg_oid|stats"
    r"|vector_type|query|query_table|read_.*|glob|sniff_.*|parquet_.*|duckdb_.*|pragma_.*|which_secret"
)
CATALOG_NAMES = re.compile(r"(pg|duckdb|sqlite|pragma)_.*", re.IGNORECASE)


def verify_allowed(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Check a statement in DuckDB's dialect, without running it. Raises RejectedQuery, or duckdb.Error."""
    [(serialized,)] = connection.execute("select json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(serialized)
    if tree.get("error"):
        raise RejectedQuery("A query must be a single SELECT statement.")
    statements = tree["statements"]
    if len(statements) != 1:
        raise RejectedQuery("A query must be a single SELECT statement, not several statements.")
    if statements[0].get("named_param_map"):
        raise RejectedQuery("Query parameters are not supported. Write the values into the query.", "$")
    _check_tree(statements[0])


def _check_tree(root: Any) -> None:
    # A stack instead of recursion: the caller controls the depth of the tree.
    stack: list[tuple[Any, frozenset[str]]] = [(root, frozenset())]
    while stack:
        node, ctes = stack.pop()
        if isinstance(node, list):
            stack.extend((item, ctes) for item in node)
        elif isinstance(node, dict):
            ctes |= _defined_ctes(node)
            _check_node(node, ctes)
            stack.extend((item, ctes) for item in node.values() if isinstance(item, dict | list))


def _defined_ctes(node: dict[str, Any]) -> frozenset[str]:
    ctes = node.get("cte_map")
    names = [entry["key"] for entry in ctes["map"]] if isinstance(ctes, dict) else []
    if node.get("type") in ("RECURSIVE_CTE_NODE", "CTE_NODE"):
        names.append(node.get("cte_name") or node.get("ctename") or "")
    for name in names:
        if CATALOG_NAMES.fullmatch(name) or name == TABLE:
            raise RejectedQuery(f"A CTE must not be named {name}. Choose another name.", name)
    return frozenset(name.lower() for name in names)


def _check_node(node: dict[str, Any], ctes: frozenset[str]) -> None:
    kind = node.get("type", "")
    if isinstance(kind, str):
        if kind.endswith("_NODE") and kind not in QUERY_NODES:
            raise RejectedQuery("A query must be a single SELECT statement; a part of this one changes data.")
        if kind == "BASE_TABLE":
            _check_table(node, ctes)
        elif kind == "TABLE_FUNCTION":
            _check_table_function(node["function"])
        elif {"alias", "sample"} <= node.keys() and kind not in TABLE_NODES:  # such as DESCRIBE
            raise RejectedQuery("A query must be a SELECT. The dataset's /schema lists its columns and their types.")
    if node.get("class") == "FUNCTION":
        name = str(node["function_name"]).lower()
        if FORBIDDEN_FUNCTIONS.fullmatch(name):
            raise RejectedQuery(f"The function {name} is not allowed in a query.", name)


def _check_table(node: dict[str, Any], ctes: frozenset[str]) -> None:
    path = node["qualified_name"]["path"]
    if path == [TABLE] or (len(path) == 1 and path[0].lower() in ctes):
        return
    name = ".".join(path)
    raise RejectedQuery(f"There is no table {name}. A query can read only its dataset, as {TABLE}.", path[-1])


def _check_table_function(function: dict[str, Any]) -> None:
    name = ".".join(function["qualified_name"]["path"]) if "qualified_name" in function else function["function_name"]
    if name.lower() not in TABLE_FUNCTIONS:
        message = f"The table function {name} is not allowed. A query can read only its dataset, as {TABLE}."
        raise RejectedQuery(message, name)
