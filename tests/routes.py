"""Every route there is: as the OpenAPI document describes them, and as the application serves them."""

from collections.abc import Iterator
from typing import Any

from hallmarket.proof.key import SigningKey
from hallmarket.server.http.openapi import describe
from hallmarket.server.main import make_app
from hallmarket.server.settings import read_settings

METHODS = ("get", "put", "post", "delete", "patch")


class Operation:
    """One method of one path, and what the document tells of it."""

    def __init__(self, path: str, method: str, told: dict[str, Any]) -> None:
        self.path = path
        self.method = method
        self.told = told
        self.scope: str | None = told.get("x-scope")
        self.is_media = path.startswith("/v1/")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    """Every operation of an OpenAPI document."""
    for path, item in document["paths"].items():
        for method, told in item.items():
            if method in METHODS:
                yield Operation(path, method.upper(), told)


def served() -> set[tuple[str, str]]:
    """Method and path of every route of the application."""
    # OPTIONS is the framework's own on every path.
    return {
        (method, route.path_format)
        for route in application().routes
        for method in route.route_handler_map
        if method != "OPTIONS"
    }


def described() -> dict[str, Any]:
    """The OpenAPI document, without a server."""
    return describe(application())


def application() -> Any:
    """The application inside the server, put together and not started."""
    settings = read_settings({"data": "/nowhere"}, {})
    edge: Any = make_app(settings, "postgresql://nowhere/none", b"secret", SigningKey.generate("log.example.org"))
    return edge._app
