"""The OpenAPI 3.1 document of every route: Litestar writes it from the handlers, this adds what their `opt` says.

| `opt` | |
| --- | --- |
| `scope` | what a caller's key must have: the security scheme, and the errors of those who lack it |
| `query` | the parameters a handler reads from the query itself: name to JSON schema with a description |
| `headers` | the same for headers |
| `body` | a body the handler reads itself: content type to JSON schema |
| `body_required` | false where that body may be left out |
| `example` | a body that is sent well, where one made from the schema would say too much |
| `answer` | success in a form its type does not tell: content type to JSON schema |
| `raises` | the errors of this very route, beside those that any route may answer |
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from hallmarket.server import errors
from hallmarket.server.http.examples import example_of
from hallmarket.server.http.openapi_parts import COMPONENTS, DESCRIPTION, NAMES, sample_error, words_of
from hallmarket.server.http.reply import in_media_dialect
from hallmarket.server.room import Room, find_rate_class, list_rate_classes

Json = dict[str, Any]
DOCUMENT = "/openapi.json"
MODULE = re.compile(r"hallmarket\.(?:\w+\.)*")
COMMON = (errors.InvalidRequest, errors.DomainError, errors.Unavailable)
RETRY_AFTER = {"description": "How many seconds to wait.", "schema": {"type": "integer"}}
CONTEXT = (errors.InvalidOrgContext, errors.OrgContextForbidden, errors.ApiKeyOrgMismatch)


class _NoRoutes(Router):
    """Litestar registers pages of its own here, which load from elsewhere; ours are in docs.py."""

    def register(self, value: Any) -> list[Any]:  # noqa: ARG002 (the base's signature)
        return []


def openapi_config() -> OpenAPIConfig:
    """What Litestar needs to describe the routes; it serves none of its own."""
    return OpenAPIConfig(
        title="Hallmarket",
        version=version("hallmarket"),
        description=DESCRIPTION,
        openapi_router=_NoRoutes("/schema", route_handlers=[]),
        operation_id_creator=_operation_id,
    )


def describe(app: Litestar, rooms: Sequence[Room]) -> Json:
    """Write the whole document; `rooms` announce its areas."""
    document: Json = app.openapi_schema.to_schema()
    _shorten_names(document)
    for kind, parts in COMPONENTS.items():
        document["components"].setdefault(kind, {}).update(parts)
    for path, method, handler in documented(app):
        _complete(path, document["paths"][path][method], handler, rooms)
    for operation in (o for item in document["paths"].values() for o in item.values()):
        _add_examples(operation, document)
    used = {tag for item in document["paths"].values() for o in item.values() for tag in o["tags"]}
    areas = [area for room in rooms for area in room.areas if area.name in used]
    document["tags"] = [{"name": area.name, "description": area.description} for area in areas]
    return document


def documented(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Path, method and handler of every operation in the document."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format, method.lower(), handler


def _operation_id(_handler: HTTPRouteHandler, method: Method, path: list[str | PathParameterDefinition]) -> str:
    """`get_teams_team_id_members`: of method and path, which stay when our functions are renamed."""
    parts = [part if isinstance(part, str) else part.name for part in path]
    return re.sub(r"\W+", "_", "_".join([method.lower(), *parts]))


def _shorten_names(document: Json) -> None:
    """Name generic models `Page_WireItem`, not by their modules."""
    schemas = document["components"]["schemas"]
    wanted = {name: MODULE.sub("", name).rstrip("_") for name in schemas}
    taken = Counter(wanted.values())
    short = {name: word if taken[word] == 1 else name for name, word in wanted.items()}
    document["components"]["schemas"] = {short[name]: _renamed(schema, short) for name, schema in schemas.items()}
    document["paths"] = _renamed(document["paths"], short)


def _renamed(node: Any, short: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renamed(part, short) for part in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        head, name = reference.rsplit("/", 1)
        return {**node, "$ref": f"{head}/{short.get(name, name)}"}
    return {key: _renamed(part, short) for key, part in node.items()}


def _complete(path: str, operation: Json, handler: HTTPRouteHandler, rooms: Sequence[Room]) -> None:
    scope = handler.opt.get("scope")
    operation.pop("deprecated", None)
    operation["tags"] = operation.get("tags") or [_area(path, rooms)]
    operation["security"] = [] if scope is None else [{"apiKey" if in_media_dialect(path) else "token": []}]
    if scope is not None:
        needs = f"Needs the scope `{scope}`."
        operation["description"] = f"{operation['description']}\n\n{needs}" if "description" in operation else needs
        operation["x-scope"] = scope
    if body := handler.opt.get("body"):
        content = {kind: {"schema": schema} for kind, schema in body.items()}
        operation["requestBody"] = {"required": handler.opt.get("body_required", True), "content": content}
    if "example" in handler.opt:
        for content in operation["requestBody"]["content"].values():
            content["example"] = handler.opt["example"]
    if parameters := list(_parameters(path, operation, handler)):
        operation["parameters"] = parameters
    _tell_success(operation, handler)
    _add_errors(path, operation, handler, rooms)


def _tell_success(operation: Json, handler: HTTPRouteHandler) -> None:
    success = operation["responses"][str(handler.status_code)]
    given = handler.status_code in (handler.responses or {})
    if not given:
        success["description"] = operation["summary"] + "."
    if answer := handler.opt.get("answer"):
        kept = success["content"] if given else {}
        success["content"] = kept | {kind: {"schema": schema} for kind, schema in answer.items()}


def _area(path: str, rooms: Sequence[Room]) -> str:
    """The name of the area with the longest prefix of a path; the path's first part where no area has one."""
    found = [
        (len(prefix), area.name)
        for room in rooms
        for area in room.areas
        for prefix in area.prefixes
        if path.startswith(prefix)
    ]
    return max(found)[1] if found else path.split("/")[1].capitalize()


def _parameters(path: str, operation: Json, handler: HTTPRouteHandler) -> Iterator[Json]:
    for parameter in operation.get("parameters", ()):
        known = NAMES.get(parameter["name"])
        if known is None and parameter["name"].endswith("_id"):
            known = NAMES["id"]
        yield {**parameter, **({"schema": known} if known else {})}
    for place, key in (("query", "query"), ("header", "headers")):
        for name, told in handler.opt.get(key, {}).items():
            schema = {word: value for word, value in told.items() if word not in ("description", "required")}
            beside = {word: told[word] for word in ("description", "required") if word in told}
            yield {"name": name, "in": place, **beside, "schema": schema}
    if "scope" in handler.opt and not in_media_dialect(path):
        yield {"$ref": "#/components/parameters/Organization"}


def _add_errors(path: str, operation: Json, handler: HTTPRouteHandler, rooms: Sequence[Room]) -> None:
    """The errors this route may answer, by status, each with an example; the handler's own `responses` stay."""
    schema = {"$ref": f"#/components/schemas/{'MediaError' if in_media_dialect(path) else 'ExchangeError'}"}
    found: dict[int, list[tuple[type[errors.DomainError], Json]]] = {}
    for kind in dict.fromkeys(_errors(path, operation, handler, rooms)):
        status, body = sample_error(path, kind)
        found.setdefault(status, []).append((kind, body))
    for status, kinds in found.items():
        if status not in (handler.responses or {}):
            examples = {kind.code: {"value": body} for kind, body in kinds}
            operation["responses"][str(status)] = {
                "description": " ".join(words_of(kind) for kind, _ in kinds),
                "content": {"application/json": {"schema": schema, "examples": examples}},
            }
            if any(issubclass(kind, errors.RateLimited | errors.Unavailable) for kind, _ in kinds):
                operation["responses"][str(status)]["headers"] = {"Retry-After": RETRY_AFTER}
    for response in operation["responses"].values():
        if not response.get("headers"):
            response.pop("headers", None)  # Litestar's are empty
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors(
    path: str, operation: Json, handler: HTTPRouteHandler, rooms: Sequence[Room]
) -> Iterator[type[errors.DomainError]]:
    yield from COMMON
    if "scope" in handler.opt:
        yield from (errors.Unauthenticated, errors.Forbidden)
        if not in_media_dialect(path):
            yield from CONTEXT
    if find_rate_class(list_rate_classes(rooms), path) != "unlimited":
        yield errors.RateLimited
    if "{" in path:
        yield errors.NotFound
    if "requestBody" in operation:
        yield errors.PayloadTooLarge
    yield from handler.opt.get("raises", ())


def _add_examples(operation: Json, document: Json) -> None:
    """Give everything with a schema an example, unless it has one."""
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (content for part in parts for content in part.get("content", {}).values()):
        if "schema" in content and not content.keys() & {"example", "examples"}:
            content["example"] = example_of(content["schema"], document)
    for parameter in operation.get("parameters", ()):
        if "schema" in parameter and "example" not in parameter:
            parameter["example"] = example_of(parameter["schema"], document, parameter["name"])
