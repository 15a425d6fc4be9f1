"""All routes: as the OpenAPI document describes them and as the application serves them."""

from collections.abc import Iterator
from typing import Any

from hallmarket.proof.key import SigningKey
from hallmarket.server.http.openapi import make_openapi_document
from hallmarket.server.main import make_app
from hallmarket.server.rooms import ROOMS, load_settings

METHODS = ("get", "put", "post", "delete", "patch")


class Operation:
    """One method of one path and its description in the OpenAPI document."""

    def __init__(self, path: str, method: str, description: dict[str, Any]) -> None:
        self.path = path
        self.method = method
        self.description = description
        self.scope: str | None = description.get("x-scope")
        self.is_media = path.startswith("/v1/")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def list_operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield every operation of an OpenAPI document."""
    for path, item in document["paths"].items():
        for method, description in item.items():
            if method in METHODS:
                yield Operation(path, method.upper(), description)


def served_routes() -> set[tuple[str, str]]:
    """Return method and path of every route of the application."""
    # The framework adds OPTIONS to every path.
    return {
        (method, route.path_format)
        for route in application().routes
        for method in route.route_handler_map
        if method != "OPTIONS"
    }


def openapi_document() -> dict[str, Any]:
    """Build the OpenAPI document without a server."""
    return make_openapi_document(application(), ROOMS)


def application() -> Any:
    """Build the Litestar application without starting it."""
    settings = load_settings({"data": "/nowhere"}, {})
    edge: Any = make_app(settings, "postgresql://nowhere/none", b"secret", SigningKey.generate("log.example.org"))
    return edge._app
