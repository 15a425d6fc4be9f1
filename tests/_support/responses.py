"""Assertions about error responses of both dialects."""

from typing import Any

import httpx


def assert_media_error(response: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that a response is an error exactly as the media dialect writes one; return the error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    error = response.json()
    assert list(error) == ["code", "message", "details"]
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["details"] is None or isinstance(error["details"], dict)
    if field is not None:
        assert error["details"]["field"] == field, error
    return dict(error)


def assert_exchange_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that a response is an error exactly as the exchange dialect writes one; return the error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    answer = response.json()
    assert list(answer) == ["data", "error"]
    assert answer["data"] is None
    assert {"message", "code", "status"} <= set(answer["error"])
    assert (answer["error"]["code"], answer["error"]["status"]) == (code, status)
    return dict(answer["error"])
