"""The OpenAPI 3.1 document: Litestar generates it from the handlers, and this module adds what their `opt` declares.

| `opt` | |
| --- | --- |
| `scope` | the scope that the caller's key must have; it adds the security scheme and the errors of missing rights |
| `query` | query parameters that the handler reads itself: name to JSON schema with a description |
| `headers` | the same for headers |
| `body` | a body that the handler reads itself: content type to JSON schema |
| `body_required` | false if that body is optional |
| `example` | an example of the body, if one generated from the schema would contain too much |
| `success` | a successful response that the handler's return type does not describe: content type to JSON schema |
| `raises` | the errors of this route, in addition to those of every route |
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
from hallmarket.server.http.media_dialect import is_media_path
from hallmarket.server.http.openapi_components import (
    COMPONENTS,
    DESCRIPTION,
    PATH_PARAMETERS,
    error_description,
    example_error,
)
from hallmarket.server.http.openapi_examples import make_example
from hallmarket.server.room import Room, find_rate_class, list_rate_classes

Json = dict[str, Any]
DOCUMENT_PATH = "/openapi.json"
MODULE_PREFIX = re.compile(r"hallmarket\.(?:\w+\.)*")
COMMON_ERRORS = (errors.InvalidRequest, errors.DomainError, errors.Unavailable)
RETRY_AFTER = {"description": "Seconds to wait before the next request.", "schema": {"type": "integer"}}
ORGANIZATION_ERRORS = (errors.InvalidOrgContext, errors.OrgContextForbidden, errors.ApiKeyOrgMismatch)


class _NoRoutes(Router):
    """A router that registers nothing, in place of Litestar's documentation pages. Ours are in docs.py."""

    def register(self, value: Any) -> list[Any]:  # noqa: ARG002 (the base's signature)
        return []


def openapi_config() -> OpenAPIConfig:
    """Return the configuration with which Litestar generates the document but serves no pages."""
    return OpenAPIConfig(
        title="Hallmarket",
        version=version("hallmarket"),
        description=DESCRIPTION,
        openapi_router=_NoRoutes("/schema", route_handlers=[]),
        operation_id_creator=_operation_id,
    )


def make_openapi_document(app: Litestar, rooms: Sequence[Room]) -> Json:
    """Make the complete document. `rooms` announce its areas."""
    document: Json = app.openapi_schema.to_schema()
    _shorten_names(document)
    for kind, parts in COMPONENTS.items():
        document["components"].setdefault(kind, {}).update(parts)
    for path, method, handler in list_operations(app):
        _complete(path, document["paths"][path][method], handler, rooms)
    for operation in (o for item in document["paths"].values() for o in item.values()):
        _add_examples(operation, document)
    used = {tag for item in document["paths"].values() for o in item.values() for tag in o["tags"]}
    areas = [area for room in rooms for area in room.areas if area.name in used]
    document["tags"] = [{"name": area.name, "description": area.description} for area in areas]
    return document


def list_operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Yield the path, method and handler of every operation in the document."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format, method.lower(), handler


def _operation_id(_handler: HTTPRouteHandler, method: Method, path: list[str | PathParameterDefinition]) -> str:
    """Return an id such as `get_teams_team_id_members`, which does not change when a handler is renamed."""
    parts = [part if isinstance(part, str) else part.name for part in path]
    return re.sub(r"\W+", "_", "_".join([method.lower(), *parts]))


def _shorten_names(document: Json) -> None:
    """Remove the modules from the names of generic models, as in `Page_WireItem`."""
    schemas = document["components"]["schemas"]
    shortened = {name: MODULE_PREFIX.sub("", name).rstrip("_") for name in schemas}
    uses = Counter(shortened.values())
    short = {name: new if uses[new] == 1 else name for name, new in shortened.items()}
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
    operation["security"] = [] if scope is None else [{"apiKey" if is_media_path(path) else "token": []}]
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
    _describe_success(operation, handler)
    _add_errors(path, operation, handler, rooms)


def _describe_success(operation: Json, handler: HTTPRouteHandler) -> None:
    success = operation["responses"][str(handler.status_code)]
    declared = handler.status_code in (handler.responses or {})
    if not declared:
        success["description"] = operation["summary"] + "."
    if content := handler.opt.get("success"):
        declared_content = success["content"] if declared else {}
        success["content"] = declared_content | {kind: {"schema": schema} for kind, schema in content.items()}


def _area(path: str, rooms: Sequence[Room]) -> str:
    """Return the name of the area with the longest matching prefix, or the path's first segment if none matches."""
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
        known = PATH_PARAMETERS.get(parameter["name"])
        if known is None and parameter["name"].endswith("_id"):
            known = PATH_PARAMETERS["id"]
        yield {**parameter, **({"schema": known} if known else {})}
    for location, key in (("query", "query"), ("header", "headers")):
        for name, declared in handler.opt.get(key, {}).items():
            schema = {word: value for word, value in declared.items() if word not in ("description", "required")}
            attributes = {word: declared[word] for word in ("description", "required") if word in declared}
            yield {"name": name, "in": location, **attributes, "schema": schema}
    if "scope" in handler.opt and not is_media_path(path):
        yield {"$ref": "#/components/parameters/Organization"}


def _add_errors(path: str, operation: Json, handler: HTTPRouteHandler, rooms: Sequence[Room]) -> None:
    """Add the errors of a route by status, each with an example. The handler's own `responses` take precedence."""
    schema = {"$ref": f"#/components/schemas/{'MediaError' if is_media_path(path) else 'ExchangeError'}"}
    found: dict[int, list[tuple[type[errors.DomainError], Json]]] = {}
    for kind in dict.fromkeys(_errors(path, operation, handler, rooms)):
        status, body = example_error(path, kind)
        found.setdefault(status, []).append((kind, body))
    for status, kinds in found.items():
        if status not in (handler.responses or {}):
            examples = {kind.code: {"value": body} for kind, body in kinds}
            operation["responses"][str(status)] = {
                "description": " ".join(error_description(kind) for kind, _ in kinds),
                "content": {"application/json": {"schema": schema, "examples": examples}},
            }
            if any(issubclass(kind, errors.RateLimited | errors.Unavailable) for kind, _ in kinds):
                operation["responses"][str(status)]["headers"] = {"Retry-After": RETRY_AFTER}
    for response in operation["responses"].values():
        if not response.get("headers"):
            response.pop("headers", None)  # Litestar adds empty ones
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors(
    path: str, operation: Json, handler: HTTPRouteHandler, rooms: Sequence[Room]
) -> Iterator[type[errors.DomainError]]:
    yield from COMMON_ERRORS
    if "scope" in handler.opt:
        yield from (errors.Unauthenticated, errors.Forbidden)
        if not is_media_path(path):
            yield from ORGANIZATION_ERRORS
    if find_rate_class(list_rate_classes(rooms), path) != "unlimited":
        yield errors.RateLimited
    if "{" in path:
        yield errors.NotFound
    if "requestBody" in operation:
        yield errors.PayloadTooLarge
    yield from handler.opt.get("raises", ())


def _add_examples(operation: Json, document: Json) -> None:
    """Add an example to everything that has a schema and no example."""
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (content for part in parts for content in part.get("content", {}).values()):
        if "schema" in content and not content.keys() & {"example", "examples"}:
            content["example"] = make_example(content["schema"], document)
    for parameter in operation.get("parameters", ()):
        if "schema" in parameter and "example" not in parameter:
            parameter["example"] = make_example(parameter["schema"], document, parameter["name"])
