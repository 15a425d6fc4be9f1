"""What a search asks for, read from its query; parameters that nobody knows are left alone."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.normalize_fields import slugify
from hallmarket.server.catalog.types import Visibility
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import UUID_TEXT, window_query
from hallmarket.server.principal import Principal
from hallmarket.server.teams.types import ASSET_TYPES

SEARCH_ITEMS = 20
MAX_QUERY_LENGTH = 500
MAX_NAMES_IN_FILTER = 100
SCOPES = ("personal", "org", "shared", "purchased", "global", "all")
SORTS = ("relevant", "recent", "popular", "updated")
WINDOW_DAYS = {"day": 1, "week": 7, "month": 30, "all": None}

SEARCH_QUERY: dict[str, dict[str, Any]] = {
    "query": {"type": "string", "examples": ["harbour"], "description": "Words, or the id of one asset."},
    "scope": {"type": "string", "enum": SCOPES, "default": "all", "description": "Whose assets."},
    "sort": {"type": "string", "enum": SORTS, "description": "`relevant` with words, else `recent`."},
    "time_window": {"type": "string", "enum": tuple(WINDOW_DAYS), "default": "month", "description": "Popular when."},
    "filters": {"type": "string", "examples": ['{"asset_type": "file"}'], "description": "A JSON object."},
    "metadata_filters": {"type": "string", "examples": ['{"extension": "csv"}'], "description": "A JSON object."},
    **window_query(SEARCH_ITEMS),
}

Word = Annotated[str, msgspec.Meta(max_length=200)]
Words = Word | Annotated[list[Word], msgspec.Meta(max_length=MAX_NAMES_IN_FILTER)]


class Filters(msgspec.Struct, frozen=True):
    """The JSON object `filters`; null filters nothing."""

    asset_type: Words | None = None
    org_id: UUID | None = None
    team_id: UUID | None = None
    user_id: UUID | None = None
    visibility: Visibility | list[Visibility] | None = None
    source: Literal["web", "api"] | None = None
    top_level_only: bool | None = None
    tag: Words | None = None


class Search(msgspec.Struct, frozen=True):
    """Which assets are wanted, in which order; None wants all. `is_open`: the last word may be the beginning of one."""

    scope: str
    sort: str
    time_window: str
    asset_id: UUID | None
    words: str | None
    is_open: bool
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
    """A search from its query. Raises InvalidRequest, naming the parameter that makes no sense."""
    text = " ".join(query.get("query", "").split())
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidRequest(f"query may have at most {MAX_QUERY_LENGTH} characters.", "query")
    asset_id = UUID(text) if UUID_TEXT.fullmatch(text) else None
    words = text if text and asset_id is None else None
    scope = _choice(query, "scope", SCOPES, "all")
    sort = _choice(query, "sort", SORTS, "relevant" if words else "recent")
    filters = _filters(query)
    metadata = _metadata(query)
    # In an organization, its own are those of the one the request runs in.
    context = principal.organization_id if scope == "org" else None
    return Search(
        scope=scope,
        sort="recent" if sort == "relevant" and words is None else sort,
        time_window=_choice(query, "time_window", tuple(WINDOW_DAYS), "month"),
        asset_id=asset_id,
        words=words,
        is_open=words is not None and not words.endswith('"') and not words.split(" ")[-1].startswith("-"),
        types=_types(filters.asset_type),
        organization_id=filters.org_id or context,
        team_id=filters.team_id,
        person_id=filters.user_id,
        visibilities=_several(filters.visibility),
        source=filters.source,
        top_level_only=filters.top_level_only is True,
        tags=None if filters.tag is None else [slugify(one) or "" for one in _several(filters.tag) or []],
        extensions=_words(metadata, "extension"),
        file_types=_words(metadata, "file_type"),
        metadata=metadata,
    )


def _choice(query: dict[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = query.get(name, default)
    if value not in choices:
        raise InvalidRequest(f"{name} must be one of {', '.join(choices)}.", name)
    return value


def _filters(query: dict[str, str]) -> Filters:
    try:
        return msgspec.json.decode(query.get("filters") or "{}", type=Filters)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"filters must be a JSON object: {error}.", "filters") from None


def _metadata(query: dict[str, str]) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(query.get("metadata_filters") or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"metadata_filters must be a JSON object: {error}.", "metadata_filters") from None
    if "\\u0000" in query.get("metadata_filters", ""):
        raise InvalidRequest("NUL is in no metadata.", "metadata_filters")
    return {name: value for name, value in said.items() if value is not None}


def _words(metadata: dict[str, Any], name: str) -> list[str] | None:
    """A filter of words, taken out of the metadata's."""
    if name not in metadata:
        return None
    said = metadata.pop(name)
    words = [said] if isinstance(said, str) else said
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) for word in words)
        or len(words) > MAX_NAMES_IN_FILTER
    ):
        raise InvalidRequest(f"{name} must be a text or a list of texts.", "metadata_filters")
    return [word.lower().removeprefix(".") for word in words]


def _types(said: str | list[str] | None) -> list[str] | None:
    types = _several(said)
    if types is not None and (unknown := [one for one in types if one not in ASSET_TYPES]):
        raise InvalidRequest(f"{unknown[0][:40]!r} is no type of assets: {', '.join(ASSET_TYPES)}.", "filters")
    return types


def _several(said: str | list[Any] | None) -> list[str] | None:
    return [said] if isinstance(said, str) else said
