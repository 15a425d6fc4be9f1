"""Read the query parameters of a search. Unknown parameters are ignored."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.normalize_fields import slugify
from hallmarket.server.catalog.types import Visibility
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import window_query
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.principal import Principal
from hallmarket.server.teams.types import ASSET_TYPES

SEARCH_ITEMS = 20
MAX_QUERY_LENGTH = 500
MAX_FILTER_VALUES = 100
SCOPES = ("personal", "org", "shared", "purchased", "global", "all")
SORTS = ("relevant", "recent", "popular", "updated")
WINDOW_DAYS = {"day": 1, "week": 7, "month": 30, "all": None}

SEARCH_QUERY: dict[str, dict[str, Any]] = {
    "query": {"type": "string", "examples": ["harbour"], "description": "Words, or the id of one asset."},
    "scope": {"type": "string", "enum": SCOPES, "default": "all", "description": "Whose assets to search."},
    "sort": {"type": "string", "enum": SORTS, "description": "The default is `relevant` with words, else `recent`."},
    "time_window": {
        "type": "string",
        "enum": tuple(WINDOW_DAYS),
        "default": "month",
        "description": "The time that popularity is measured over.",
    },
    "filters": {"type": "string", "examples": ['{"asset_type": "file"}'], "description": "A JSON object."},
    "metadata_filters": {"type": "string", "examples": ['{"extension": "csv"}'], "description": "A JSON object."},
    **window_query(SEARCH_ITEMS),
}

Word = Annotated[str, msgspec.Meta(max_length=200)]
Words = Word | Annotated[list[Word], msgspec.Meta(max_length=MAX_FILTER_VALUES)]


class Filters(msgspec.Struct, frozen=True):
    """The JSON object `filters`; null does not filter."""

    asset_type: Words | None = None
    org_id: UUID | None = None
    team_id: UUID | None = None
    user_id: UUID | None = None
    visibility: Visibility | list[Visibility] | None = None
    source: Literal["web", "api"] | None = None
    top_level_only: bool | None = None
    tag: Words | None = None


class Search(msgspec.Struct, frozen=True):
    """The requested assets and their order; None does not filter. With `is_prefix`, the last word may be incomplete."""

    scope: str
    sort: str
    time_window: str
    asset_id: UUID | None
    words: str | None
    is_prefix: bool
    types: list[str] | None
    organization_id: UUID | None
    team_id: UUID | None
    person_id: UUID | None
    visibilities: list[str] | None
    source: str | None
    top_level_only: bool
    tags: list[str] | None
    extensions: list[str] | None
    file_types: list[str] | None
    metadata: dict[str, Any]


def read_search(query: dict[str, str], principal: Principal) -> Search:
    """Read a search. Raises InvalidRequest, with the name of the invalid parameter."""
    text = " ".join(query.get("query", "").split())
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidRequest(f"query may have at most {MAX_QUERY_LENGTH} characters.", "query")
    asset_id = UUID(text) if UUID_PATTERN.fullmatch(text) else None
    words = text if text and asset_id is None else None
    scope = _read_choice(query, "scope", SCOPES, "all")
    sort = _read_choice(query, "sort", SORTS, "relevant" if words else "recent")
    filters = _read_filters(query)
    metadata = _read_metadata_filters(query)
    # The scope `org` means the organization that the request runs in, if it runs in one.
    context = principal.organization_id if scope == "org" else None
    return Search(
        scope=scope,
        sort="recent" if sort == "relevant" and words is None else sort,
        time_window=_read_choice(query, "time_window", tuple(WINDOW_DAYS), "month"),
        asset_id=asset_id,
        words=words,
        is_prefix=words is not None and not words.endswith('"') and not words.split(" ")[-1].startswith("-"),
        types=_read_types(filters.asset_type),
        organization_id=filters.org_id or context,
        team_id=filters.team_id,
        person_id=filters.user_id,
        visibilities=_as_list(filters.visibility),
        source=filters.source,
        top_level_only=filters.top_level_only is True,
        tags=None if filters.tag is None else [slugify(tag) or "" for tag in _as_list(filters.tag) or []],
        extensions=_take_words(metadata, "extension"),
        file_types=_take_words(metadata, "file_type"),
        metadata=metadata,
    )


def _read_choice(query: dict[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = query.get(name, default)
    if value not in choices:
        raise InvalidRequest(f"{name} must be one of {', '.join(choices)}.", name)
    return value


def _read_filters(query: dict[str, str]) -> Filters:
    try:
        return msgspec.json.decode(query.get("filters") or "{}", type=Filters)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"filters must be a JSON object: {error}.", "filters") from None


def _read_metadata_filters(query: dict[str, str]) -> dict[str, Any]:
    try:
        filters = msgspec.json.decode(query.get("metadata_filters") or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"metadata_filters must be a JSON object: {error}.", "metadata_filters") from None
    if "\\u0000" in query.get("metadata_filters", ""):
        raise InvalidRequest("metadata_filters must not contain NUL.", "metadata_filters")
    return {name: value for name, value in filters.items() if value is not None}


def _take_words(metadata: dict[str, Any], name: str) -> list[str] | None:
    """Remove a filter from the metadata's and return its words."""
    if name not in metadata:
        return None
    value = metadata.pop(name)
    words = [value] if isinstance(value, str) else value
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) for word in words)
        or len(words) > MAX_FILTER_VALUES
    ):
        raise InvalidRequest(f"{name} must be a string or a list of strings.", "metadata_filters")
    return [word.lower().removeprefix(".") for word in words]


def _read_types(value: str | list[str] | None) -> list[str] | None:
    types = _as_list(value)
    if types is not None and (unknown := [word for word in types if word not in ASSET_TYPES]):
        raise InvalidRequest(
            f"{unknown[0][:40]!r} is not an asset type. The types are {', '.join(ASSET_TYPES)}.", "filters"
        )
    return types


def _as_list(value: str | list[Any] | None) -> list[str] | None:
    return [value] if isinstance(value, str) else value
