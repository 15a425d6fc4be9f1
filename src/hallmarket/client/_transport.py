"""HTTP requests to one server: retries, backoff and the reading of errors."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from hallmarket.client._callbacks import OnWait
from hallmarket.client._errors import ERROR_CLASSES, HallmarketError, ServerUnreachable

CONNECT_TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
# A gateway that cannot reach the server, or the server itself while it is not ready.
_UNAVAILABLE = frozenset({502, 503, 504})
# After these statuses the request may have been carried out.
_OUTCOME_UNKNOWN = frozenset({502, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Result = TypeVar("Result")


class _Error(msgspec.Struct):
    code: str
    message: str
    details: dict[str, Any] | None = None


class _Envelope(msgspec.Struct):
    error: _Error


class RetryBudget:
    """The time that one call may spend on retries."""

    def __init__(self, retry_s: float, on_wait: OnWait | None) -> None:
        self._deadline_s = time.monotonic() + retry_s
        self._pause_s = FIRST_PAUSE_S
        self._on_wait = on_wait

    def wait(self, error: HallmarketError | ServerUnreachable, retry_after_s: float | None = None) -> None:
        """Sleep before the next attempt: `retry_after_s`, or a little longer each time.

        Raises `error` if the pause would exceed the budget.
        """
        pause_s = self._pause_s * random.uniform(0.7, 1.3) if retry_after_s is None else retry_after_s  # noqa: S311
        if time.monotonic() + pause_s > self._deadline_s:
            raise error
        if self._on_wait:
            self._on_wait(str(error), pause_s)
        time.sleep(pause_s)
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)


class Transport:
    """A connection pool to one server.

    Connection errors, 502 to 504, 429 and 403 RATE_LIMIT are retried for up to `retry_s` seconds. A request that is not
    idempotent is retried only if the server cannot have carried it out.
    """

    def __init__(
        self, base_url: str, api_key: str | None, timeout_s: float, retry_s: float, on_wait: OnWait | None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.retry_s = retry_s
        self.on_wait = on_wait
        headers = {"x-api-key": api_key} if api_key else {}
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        try:
            # A proxy from the environment cannot reach a server on this machine's loopback.
            through_proxy = httpx.URL(self.base_url).host not in _LOOPBACK
            self._http = httpx.Client(base_url=self.base_url, headers=headers, timeout=timeout, trust_env=through_proxy)
        except httpx.InvalidURL as error:
            raise ServerUnreachable(base_url, str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def retry_budget(self) -> RetryBudget:
        """Start the retry budget of one call."""
        return RetryBudget(self.retry_s, self.on_wait)

    def request(
        self, method: str, path: str, *, accept: tuple[int, ...] = (200,), idempotent: bool = True, **options: Any
    ) -> httpx.Response:
        """Send one request, with retries; raises HallmarketError unless the status is one of `accept`.

        `content` may be a function that returns a new body for each attempt. A request that is not `idempotent` is
        retried only if the server did not receive it, or answered that it did nothing.
        """
        budget = self.retry_budget()
        while True:
            try:
                response = self._send(method, path, **options)
            except ServerUnreachable as error:
                if error.was_sent and not idempotent:
                    raise
                budget.wait(error)
                continue
            if response.status_code in accept:
                return response
            refusal = read_error(response)
            if not is_transient(refusal) or (refusal.status in _OUTCOME_UNKNOWN and not idempotent):
                raise refusal
            budget.wait(refusal, retry_after_s(response.headers))

    def json(self, kind: type[Result], method: str, path: str, **options: Any) -> Result:
        """Send one request and decode its JSON response as `kind`."""
        return self.decode(kind, self.request(method, path, **options).content)

    def decode(self, kind: type[Result], data: bytes) -> Result:
        """Decode JSON as `kind`; raises ServerUnreachable if it has another shape, as no Hallmarket server sends it."""
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise ServerUnreachable(
                self.base_url, f"its response is not that of a Hallmarket server ({error})"
            ) from None

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send one request without retries and yield the response before its body; raises ServerUnreachable."""
        try:
            with self._http.stream(method, path, **options) as response:
                yield response
        except httpx.HTTPError as error:
            raise ServerUnreachable(self.base_url, _reason(error)) from error

    def _send(self, method: str, path: str, *, content: Any = None, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, content=content() if callable(content) else content, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL)
            raise ServerUnreachable(self.base_url, _reason(error), was_sent=was_sent) from error


def read_error(response: httpx.Response) -> HallmarketError:
    """Read an error response, from the server or from a proxy in between; its body must have been read."""
    request_id = response.headers.get("x-request-id")
    try:
        error = _decode_error(response.content)
    except (msgspec.MsgspecError, UnicodeError):
        return HallmarketError("UNEXPECTED", response.reason_phrase or "?", None, response.status_code, request_id)
    code = error.code.upper()
    error_class = ERROR_CLASSES.get(code, HallmarketError)
    return error_class(code, error.message, error.details, response.status_code, request_id)


def _decode_error(body: bytes) -> _Error:
    """Decode an error of either dialect: bare in the media dialect, in an envelope in the exchange dialect."""
    try:
        return msgspec.json.decode(body, type=_Envelope).error
    except msgspec.ValidationError:
        return msgspec.json.decode(body, type=_Error)


def is_transient(error: HallmarketError) -> bool:
    """Return whether the same request may succeed a little later."""
    return error.status in _UNAVAILABLE or error.status == 429 or error.code == "RATE_LIMIT"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the Retry-After header, or None."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    text = str(error).strip() or type(error).__name__
    # Drop the number of "[Errno 111] Connection refused".
    return text.partition("] ")[2].lower() or text if text.startswith("[Errno") else text
