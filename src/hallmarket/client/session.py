"""A session of the exchange dialect: a token bought with the API key, renewed before it expires and once refused."""

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from hallmarket.client.errors import HallmarketError
from hallmarket.client.transport import Transport, read_error

# A token is renewed this long before it ends, or after half its life if that is shorter.
RENEW_BEFORE_S = 300.0


class _Token(msgspec.Struct):
    access_token: str | None = None
    error: Any = None


class _Claims(msgspec.Struct):
    exp: float


class Session:
    """Requests with a token; several threads may share one.

    Raises what the transport raises, and HallmarketError UNAUTHENTICATED for a key the server does not take.
    """

    def __init__(self, transport: Transport, api_key: str) -> None:
        self.transport = transport
        self._api_key = api_key
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    def open(self) -> None:
        """Buy a token now, so that a bad key shows at once."""
        self._get_token()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request as `Transport.request` does, with a token; a refused token is renewed once."""
        token = self._get_token()
        try:
            return self.transport.request(method, path, **_with(token, options))
        except HallmarketError as error:
            if error.status != 401:
                raise
        return self.transport.request(method, path, **_with(self._get_token(refused=token), options))

    def json(self, kind: Any, method: str, path: str, **options: Any) -> Any:
        """Send one request and read its JSON answer as `kind`."""
        return self.transport.decode(kind, self.request(method, path, **options).content)

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send one request and hand out its answer, 200 or 206, before the body is read."""
        # The token of a request that is sent only once must be good: whoever streams has sent others before.
        with self.transport.stream(method, path, **_with(self._get_token(), options)) as response:
            if response.status_code not in (200, 206):
                response.read()
                raise read_error(response)
            yield response

    def _get_token(self, refused: str | None = None) -> str:
        with self._lock:
            # Somebody else may have renewed it while we waited.
            if self._token is None or self._token == refused or time.monotonic() >= self._renew_at:
                self._buy()
            assert self._token
            return self._token

    def _buy(self) -> None:
        response = self.transport.request("POST", "/users/get-token", json={"pat": self._api_key})
        answer = self.transport.decode(_Token, response.content)
        if answer.error or not answer.access_token:
            raise _refusal(answer.error, response.headers.get("x-request-id"))
        life_s = _life_s(answer.access_token)
        self._token = answer.access_token
        self._renew_at = time.monotonic() + max(life_s - RENEW_BEFORE_S, life_s / 2)


def _with(token: str, options: dict[str, Any]) -> dict[str, Any]:
    return options | {"headers": {**(options.get("headers") or {}), "authorization": token}}


def _refusal(error: Any, request_id: str | None) -> HallmarketError:
    """A refused key, which this one request answers with 200."""
    message = error.get("message") if isinstance(error, dict) else error
    return HallmarketError("UNAUTHENTICATED", str(message or "no token was given for it"), None, 401, request_id)


def _life_s(token: str) -> float:
    """How long a token lives by its own word (RFC 7519, `exp`); for ever where it says nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return float("inf")
    try:
        claims = msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except (msgspec.MsgspecError, ValueError):
        return float("inf")
    return max(0.0, claims.exp - time.time())
