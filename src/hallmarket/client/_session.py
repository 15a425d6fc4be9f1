"""A session with the exchange API: a token obtained with the API key, and renewed when needed."""

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from hallmarket.client._errors import HallmarketError
from hallmarket.client._transport import Transport, read_error

# A token is renewed this long before it expires, or after half its lifetime if that is shorter.
RENEW_BEFORE_S = 300.0

Result = TypeVar("Result")


class _Token(msgspec.Struct):
    access_token: str | None = None
    error: Any = None


class _Claims(msgspec.Struct):
    exp: float


class Session:
    """Requests with a token; threads may share one session.

    Raises what the transport raises, and HallmarketError UNAUTHENTICATED if the server rejects the API key.
    """

    def __init__(self, transport: Transport, api_key: str) -> None:
        self.transport = transport
        self._api_key = api_key
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at_s = 0.0

    def open(self) -> None:
        """Obtain a token now, so that a wrong key is reported before any work."""
        self._get_token()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request as `Transport.request` does, with a token; a rejected token is renewed once."""
        token = self._get_token()
        try:
            return self.transport.request(method, path, **_with_token(token, options))
        except HallmarketError as error:
            if error.status != 401:
                raise
        return self.transport.request(method, path, **_with_token(self._get_token(rejected=token), options))

    def json(self, kind: type[Result], method: str, path: str, **options: Any) -> Result:
        """Send one request and decode its JSON response as `kind`."""
        return self.transport.decode(kind, self.request(method, path, **options).content)

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send one request and yield its response, 200 or 206, before the body is read."""
        # No retry after a 401: callers have opened the session before, so its token is valid.
        with self.transport.stream(method, path, **_with_token(self._get_token(), options)) as response:
            if response.status_code not in (200, 206):
                response.read()
                raise read_error(response)
            yield response

    def _get_token(self, rejected: str | None = None) -> str:
        with self._lock:
            # Another thread may have renewed the token while this one waited for the lock.
            if self._token is None or self._token == rejected or time.monotonic() >= self._renew_at_s:
                self._renew()
            assert self._token
            return self._token

    def _renew(self) -> None:
        response = self.transport.request("POST", "/users/get-token", json={"pat": self._api_key})
        token = self.transport.decode(_Token, response.content)
        if token.error or not token.access_token:
            raise _rejected_key(token.error, response.headers.get("x-request-id"))
        lifetime_s = _remaining_s(token.access_token)
        self._token = token.access_token
        self._renew_at_s = time.monotonic() + max(lifetime_s - RENEW_BEFORE_S, lifetime_s / 2)


def _with_token(token: str, options: dict[str, Any]) -> dict[str, Any]:
    return options | {"headers": {**(options.get("headers") or {}), "authorization": token}}


def _rejected_key(error: Any, request_id: str | None) -> HallmarketError:
    """Return the error for a rejected key, which this endpoint reports with status 200."""
    message = error.get("message") if isinstance(error, dict) else error
    return HallmarketError("UNAUTHENTICATED", str(message or "the server issued no token"), None, 401, request_id)


def _remaining_s(token: str) -> float:
    """Return the seconds until a token's `exp` claim (RFC 7519); infinity if it has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return float("inf")
    try:
        claims = msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except (msgspec.MsgspecError, ValueError):
        return float("inf")
    return max(0.0, claims.exp - time.time())
