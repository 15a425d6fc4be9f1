"""Decides from DuckDB's own reading of a statement whether it is a read of the dataset and of nothing else.

The engine is locked besides: no files save the version's, no network, no settings. What is refused here would find
nothing of others, but might find out about us.
"""

import re
from typing import Any

TABLE = "{{table}}"
QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
TABLE_NODES = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
# What tells of the engine instead of the data, acts, or runs text that nobody read.
OWN_FUNCTIONS = re.compile(
    r"__.*|current_(setting|database|schemas?|catalog|role|user|query|query_id|connection_id|transaction_id)"
    r"|session_user|user|version|getvariable|getenv|nextval|currval|setval|setseed|in_search_path|txid_current"
    r"|write_log|parse_duckdb_log_message|json_(de)?serialize_.*|json_execute_.*|sleep_ms|get_block_size"
    r"|pg_(?!typeof$|size_pretty$).*|has_.*_privilege|inet_.*|(col|obj|shobj)_description|map_to_pg_oid|stats"
    r"|vector_type|query|query_table|read_.*|glob|sniff_.*|parquet_.*|duckdb_.*|pragma_.*|which_secret"
)
CATALOG = re.compile(r"(pg|duckdb|sqlite|pragma)_.*", re.IGNORECASE)


class Refused(Exception):
    """A statement is none that may be asked; `word` is what gives it away."""

    def __init__(self, message: str, word: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.word = word


def judge(serialized: dict[str, Any]) -> None:
    """Look through a statement as `json_serialize_sql` gives it. Raises Refused."""
    if serialized.get("error"):
        raise Refused("Only a single SELECT can be asked.")
    statements = serialized["statements"]
    if len(statements) != 1:
        raise Refused("Only a single SELECT can be asked; these are several statements.")
    if statements[0].get("named_param_map"):
        raise Refused("A query has no parameters; write the values into it.", "$")
    _look(statements[0], frozenset())


def _look(root: Any, outer: frozenset[str]) -> None:
    # Not recursive: a caller decides how deep this goes.
    stack = [(root, outer)]
    while stack:
        node, names = stack.pop()
        if isinstance(node, list):
            stack.extend((item, names) for item in node)
        elif isinstance(node, dict):
            names |= _own_names(node)
            _check(node, names)
            stack.extend((item, names) for item in node.values() if isinstance(item, dict | list))


def _own_names(node: dict[str, Any]) -> frozenset[str]:
    ctes = node.get("cte_map")
    names = [entry["key"] for entry in ctes["map"]] if isinstance(ctes, dict) else []
    if node.get("type") in ("RECURSIVE_CTE_NODE", "CTE_NODE"):
        names.append(node.get("cte_name") or node.get("ctename") or "")
    for name in names:
        if CATALOG.fullmatch(name) or name == TABLE:
            raise Refused(f"A query may not call a part of itself {name}.", name)
    return frozenset(name.lower() for name in names)


def _check(node: dict[str, Any], names: frozenset[str]) -> None:
    kind = node.get("type", "")
    if isinstance(kind, str):
        if kind.endswith("_NODE") and kind not in QUERY_NODES:
            raise Refused("Only a single SELECT can be asked; a part of this one changes something.")
        if kind == "BASE_TABLE":
            _check_table(node, names)
        elif kind == "TABLE_FUNCTION":
            _check_table_function(node["function"])
        elif {"alias", "sample"} <= node.keys() and kind not in TABLE_NODES:  # DESCRIBE and its like
            raise Refused("Only a SELECT can be asked; the names and types of a dataset's columns are at its /schema.")
    if node.get("class") == "FUNCTION":
        name = str(node["function_name"]).lower()
        if OWN_FUNCTIONS.fullmatch(name):
            raise Refused(f"The function {name} cannot be used here.", name)


def _check_table(node: dict[str, Any], names: frozenset[str]) -> None:
    path = node["qualified_name"]["path"]
    if path == [TABLE] or (len(path) == 1 and path[0].lower() in names):
        return
    name = ".".join(path)
    raise Refused(f"There is no table {name} here: the dataset is {TABLE}.", path[-1])


def _check_table_function(function: dict[str, Any]) -> None:
    name = ".".join(function["qualified_name"]["path"]) if "qualified_name" in function else function["function_name"]
    if name.lower() not in TABLE_FUNCTIONS:
        raise Refused(f"The table function {name} cannot be used here: the dataset is {TABLE}.", name)
