"""Generates examples from JSON schemas, with realistic values chosen by the property's name."""

import re
from typing import Any

Json = dict[str, Any]
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_DEPTH = 8

ID = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
TIME = "2026-11-21T21:15:23.886544+00:00"
HASH = (
    "292db89de5e116aadac8f53b463f900c9b1e81e89f1ccad9e176a4d2580f8e25"
    "0c15528a80cbbc51f1d09e2619a9a807f94616b2c21e65a43a0a8577a41c76a3"
)
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJrZXkiOiIwMWExIn0.c2lnbmF0dXJl"  # noqa: S105 (a sample)
BY_NAME: dict[str, tuple[Any, ...]] = {
    "access_token": (TOKEN,),
    "action": ("member.add",),
    "actor_type": ("base",),
    "actor_type_policy": ("any",),
    "address": ("203.0.113.7",),
    "anchored_time": (1795295123,),
    "api_key_name": ("laptop",),
    "avatar_path": (None,),
    "bio": ("Photographs of harbours.",),
    "block_id": ("0x" + "93" * 32,),
    "block_number": (4,),
    "created_from": ("2026-01-31T12:00:00Z",),
    "created_to": ("2026-12-31",),
    "cursor": ("AAZB_OD1wVABof_srIh3AqpLt_U8vGrs",),
    "default_role": ("write",),
    "description": ("News of the harbour.",),
    "display_name": ("The Gazette",),
    "email": ("jane@example.org",),
    "entry": ("eyJjbGFpbXMiOiI0ODlmOGYxIn0=",),
    "error": (None,),
    "expires_at": (None,),
    "expires_on": (None,),
    "firstname": ("Jane",),
    "has_more": (False,),
    "hash": (HASH,),
    "idempotency_key": ("scan-1944-0001",),
    "index": (5,),
    "join_policy": ("request",),
    "key": ("hm_5f0c1d2e_q7Yb0m3mJw4cC0rjB9oFh2n1a5uV8kXeTzLsPdGiWQA",),
    "lastname": ("Doe",),
    "limit": (50, 10),
    "membership_type": ("internal",),
    "metadata": ('{"box": 12}',),
    "mission": ("Local news since 1889.",),
    "name": ("The Gazette", "the-gazette"),
    "network_validators": (1,),
    "next_cursor": (None,),
    "offset": (0,),
    "origin": ("log.example.org",),
    "page": (1,),
    "pat": ("hm_5f0c1d2e_q7Yb0m3mJw4cC0rjB9oFh2n1a5uV8kXeTzLsPdGiWQA",),
    "person": ("Jane Doe",),
    "plan_type": ("self-hosted",),
    "prefix": ("hm_5f0c1d2e",),
    "profile_picture": (None,),
    "proof": ("c2sp.org/tlog-proof@v1\nindex 0\n…",),
    "query": ("jane",),
    "reason": ("Three warnings.",),
    "refresh_token": (TOKEN,),
    "role": ("member", "admin", "read"),
    "root": ("k2e0hAViBSCGysp/LGnsx7YJPnjRAWFR0k7ClS6w3gM=",),
    "salt": ("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=",),
    "scopes": (["media:read", "media:anchor"],),
    "size": (18,),
    "slug": ("the-gazette",),
    "source_policy": ("any",),
    "status": (3, "pending"),
    "text": ("jane follows you",),
    "thumbnail": (None,),
    "token": (TOKEN,),
    "total": (1,),
    "transaction_id": ("0x" + "4b" * 32,),
    "type": ("follow",),
    "user": ("jane",),
    "user_role": ("admin", "member"),
    "username": ("jane",),
    "version": ("0.1.0",),
    "visibility": ("public",),
    "website_url": ("https://gazette.example.org",),
}
BY_FORMAT = {"uuid": ID, "date-time": TIME, "date": "2026-11-21", "binary": "…", "uri": "https://example.org"}
JSON_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def make_example(schema: Json, document: Json, name: str = "", depth: int = 0) -> Any:
    """Return a value that the schema allows. `name` is the name of the property or parameter."""
    if "$ref" in schema:
        target = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return make_example(target, document, name, depth)
    for word in ("examples", "example", "const", "enum", "default"):
        if word in schema and schema[word] != []:
            return schema[word][0] if word in ("examples", "enum") else schema[word]
    word = CAMEL.sub("_", name).replace("-", "_").lower()
    for value in _candidates(word):
        if _fits(value, schema):
            return value
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return _first(choices, document, name, depth)
    return _by_type(schema, document, name, depth)


def _candidates(word: str) -> tuple[Any, ...]:
    if word in BY_NAME:
        return BY_NAME[word]
    if word == "id" or word.endswith("_id"):
        return (ID,)
    return (TIME,) if word.endswith(("_on", "_at")) or word == "since" else ()


def _fits(value: Any, schema: Json) -> bool:
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        # Litestar writes the bounds of an optional field next to its choices.
        return any(_fits(value, choice) for choice in choices) and _is_within_bounds(value, schema)
    kinds = schema.get("type", [])
    return any(_has_type(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)) and _is_within_bounds(
        value, schema
    )


def _is_within_bounds(value: Any, schema: Json) -> bool:
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) > schema.get("maxLength", len(value)):
            return False
        return BY_FORMAT.get(schema.get("format", ""), value) == value
    if isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        return all(_fits(item, items) or item in items.get("enum", ()) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _has_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, JSON_TYPES[kind])


def _first(choices: list[Json], document: Json, name: str, depth: int) -> Any:
    """Return an example of the first choice other than null; None if the nesting is too deep."""
    real = [choice for choice in choices if choice.get("type") != "null"]
    if not real or (depth > MAX_DEPTH and len(real) < len(choices)):
        return None
    return make_example(real[0], document, name, depth + 1)


def _by_type(schema: Json, document: Json, name: str, depth: int) -> Any:
    kind = schema.get("type", "object")
    kind = next(each for each in [*kind, "null"] if each != "null") if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        # An object with a username is a person, so its name is a person's.
        renamed = {"name": "person"} if "username" in properties else {}
        return {key: make_example(part, document, renamed.get(key, key), depth + 1) for key, part in properties.items()}
    if kind == "array":
        items = schema.get("items")
        return (
            [make_example(items, document, name.removesuffix("s"), depth + 1)] if items and depth <= MAX_DEPTH else []
        )
    if kind == "string":
        return BY_FORMAT.get(schema.get("format", ""), "a text"[: schema.get("maxLength")])
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    return True if kind == "boolean" else None
