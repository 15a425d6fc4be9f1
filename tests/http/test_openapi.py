"""The OpenAPI document: valid and complete, with examples that fit their schemas."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from _support.openapi import list_operations, served_routes
from _support.servers import Server

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(server: Server) -> Json:
    """The document that the server serves."""
    response = httpx.get(f"{server.url}/openapi.json", trust_env=False)
    assert response.status_code == 200, response.text
    return dict(response.json())


def with_schemas(document: Json) -> Iterator[tuple[str, Json]]:
    """Yield everything with a schema, and where it is: contents of request and response bodies, and parameters."""
    for operation in list_operations(document):
        told = operation.description
        for parameter in told.get("parameters", ()):
            if "$ref" not in parameter:
                yield f"{operation}: {parameter['name']}", parameter
        for part in (told.get("requestBody", {}), *told["responses"].values()):
            for kind, content in part.get("content", {}).items():
                yield f"{operation}: {kind}", content


def test_document_is_openapi_31(document: Json) -> None:
    """The document is valid OpenAPI 3.1 according to an independent validator."""
    assert document["openapi"].startswith("3.1.")
    errors = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert not errors, errors[:5]


def test_every_route_and_no_other_is_described(document: Json) -> None:
    """The document has exactly the routes that the application serves."""
    described = {(operation.method, operation.path) for operation in list_operations(document)}
    assert described == served_routes()
    assert len(described) >= 18


def test_every_operation_is_told_of_whole(document: Json) -> None:
    """An operation has a summary, a described tag, a unique id, and errors in its dialect."""
    tags = {tag["name"] for tag in document["tags"]}
    names = []
    for operation in list_operations(document):
        told = operation.description
        assert told["summary"], operation
        assert set(told["tags"]) <= tags, operation
        names.append(told["operationId"])
        form = "MediaError" if operation.is_media else "ExchangeError"
        expected = {"400", "500", "503"} | ({"401", "403"} if operation.scope else set())
        assert expected <= told["responses"].keys(), operation
        for status, response in told["responses"].items():
            assert response["description"], operation
            if status >= "400" and (operation.path, status) != ("/readyz", "503"):
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": f"#/components/schemas/{form}"}, operation
    assert len(set(names)) == len(names)


def test_every_key_and_token_is_told_of(document: Json) -> None:
    """An operation that needs a scope names it and the credential of its dialect."""
    schemes = document["components"]["securitySchemes"]
    assert schemes["apiKey"]["name"] == "x-api-key"
    assert schemes["token"]["name"] == "Authorization"
    for operation in list_operations(document):
        wanted = [{"apiKey" if operation.is_media else "token": []}] if operation.scope else []
        assert operation.description["security"] == wanted, operation
        if operation.scope:
            assert f"`{operation.scope}`" in operation.description["description"]


def test_every_example_is_one(document: Json) -> None:
    """Request bodies, response bodies and parameters have examples, and each fits its schema."""
    seen = 0
    for where, told in with_schemas(document):
        values = (
            [told["example"]] if "example" in told else [each["value"] for each in told.get("examples", {}).values()]
        )
        assert values, f"{where} has no example"
        schema = {**told["schema"], "components": document["components"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        for value in values:
            wrong = [error.message for error in validator.iter_errors(value)]
            assert not wrong, f"{where}: {wrong}"
            seen += 1
    assert seen > 100


def test_document_may_be_kept(server: Server) -> None:
    """The document is public and cacheable, and is not sent again to a client that has it."""
    with server.client("") as client:
        first = client.get("/openapi.json")
        assert first.headers["cache-control"] == "public, max-age=300"
        again = client.get("/openapi.json", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        changed = client.get("/openapi.json", headers={"if-none-match": '"another"'})
        assert changed.content == first.content


def test_options_names_the_methods_of_the_document(server: Server, document: Json) -> None:
    """The `Allow` header of `OPTIONS` has all methods that the document has for the path."""
    with server.client("") as client:
        for path, item in document["paths"].items():
            methods = {method.upper() for method in item}
            implied = {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            allowed = client.options(path.replace("{", "").replace("}", "")).headers["allow"]
            assert set(allowed.split(", ")) == methods | implied, path
