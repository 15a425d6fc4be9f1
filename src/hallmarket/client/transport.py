"""One HTTP request, sent until it is answered: retries, backoff and the error model in one place."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from hallmarket.client.errors import KINDS, HallmarketError, ServerUnreachable

CONNECT_TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
# A gateway's words for "nobody behind me", and our own.
_AWAY = frozenset({502, 503, 504})
# Of these, the ones after which nobody knows whether it was done.
_UNSURE = frozenset({502, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Waiting = Callable[[str, float], None]


class _Wire(msgspec.Struct):
    code: str
    message: str
    details: dict[str, Any] | None = None


class _Envelope(msgspec.Struct):
    error: _Wire


class Patience:
    """How long one call may go on trying; a call that is answered badly asks it before every further try."""

    def __init__(self, retry_s: float, on_wait: Waiting | None) -> None:
        self._until = time.monotonic() + retry_s
        self._pause_s = FIRST_PAUSE_S
        self._on_wait = on_wait

    def wait(self, error: HallmarketError | ServerUnreachable, retry_after_s: float | None = None) -> None:
        """Sleep before the next try, as long as the server asks or a little longer each time; raise when it is over."""
        pause_s = self._pause_s * random.uniform(0.7, 1.3) if retry_after_s is None else retry_after_s  # noqa: S311
        if time.monotonic() + pause_s > self._until:
            raise error
        if self._on_wait:
            self._on_wait(str(error), pause_s)
        time.sleep(pause_s)
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)


class Transport:
    """A connection pool to one server.

    Connection errors, 502 to 504, 429 and 403 RATE_LIMIT are tried again for up to `retry_s` seconds; a request that is
    not safe to repeat is only where the server cannot have done it. `on_wait` hears of every pause: its reason and its
    seconds.
    """

    def __init__(
        self, base_url: str, api_key: str | None, timeout_s: float, retry_s: float, on_wait: Waiting | None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.retry_s = retry_s
        self.on_wait = on_wait
        headers = {"x-api-key": api_key} if api_key else {}
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        try:
            # A proxy of the environment is no way to a server on this very machine.
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

    def patience(self) -> Patience:
        """Start the clock of one call."""
        return Patience(self.retry_s, self.on_wait)

    def request(
        self, method: str, path: str, *, accept: tuple[int, ...] = (200,), safe: bool = True, **options: Any
    ) -> httpx.Response:
        """Send one request until it is answered; raises HallmarketError unless the status is one of `accept`.

        `content` may be a function that opens the body anew for every try. One that is not `safe` to repeat is tried
        again only where the server did not get it, or says that it did nothing.
        """
        patience = self.patience()
        while True:
            try:
                response = self._send(method, path, **options)
            except ServerUnreachable as error:
                if error.was_sent and not safe:
                    raise
                patience.wait(error)
                continue
            if response.status_code in accept:
                return response
            refusal = read_error(response)
            if not is_passing(refusal) or (refusal.status in _UNSURE and not safe):
                raise refusal
            patience.wait(refusal, retry_after_s(response.headers))

    def json(self, kind: Any, method: str, path: str, **options: Any) -> Any:
        """Send one request and read its JSON answer as `kind`."""
        response = self.request(method, path, **options)
        return self.decode(kind, response.content)

    def decode(self, kind: Any, data: bytes) -> Any:
        """Read JSON as `kind`; an answer of another shape means that there is no Hallmarket at this address."""
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise ServerUnreachable(self.base_url, f"it answered, but not like a Hallmarket server ({error})") from None

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send one request once and hand out the answer before its body is read; raises ServerUnreachable."""
        try:
            with self._http.stream(method, path, **options) as response:
                yield response
        except httpx.HTTPError as error:
            raise ServerUnreachable(self.base_url, _words(error)) from error

    def _send(self, method: str, path: str, *, content: Any = None, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, content=content() if callable(content) else content, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL)
            raise ServerUnreachable(self.base_url, _words(error), was_sent=was_sent) from error


def read_error(response: httpx.Response) -> HallmarketError:
    """Read an error answer, ours or a stranger's (a proxy in between); its body must have been read."""
    request_id = response.headers.get("x-request-id")
    try:
        wire = _read_error(response.content)
    except (msgspec.MsgspecError, UnicodeError):
        return HallmarketError("UNEXPECTED", response.reason_phrase or "?", None, response.status_code, request_id)
    code = wire.code.upper()
    return KINDS.get(code, HallmarketError)(code, wire.message, wire.details, response.status_code, request_id)


def _read_error(body: bytes) -> _Wire:
    """An error of either dialect: the media's is the object itself, the exchange's stands in an envelope."""
    try:
        return msgspec.json.decode(body, type=_Envelope).error
    except msgspec.ValidationError:
        return msgspec.json.decode(body, type=_Wire)


def is_passing(error: HallmarketError) -> bool:
    """Tell whether the same request may well succeed a little later."""
    return error.status in _AWAY or error.status == 429 or error.code == "RATE_LIMIT"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read the seconds of Retry-After; None where the server does not say."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _words(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    text = str(error).strip() or type(error).__name__
    # "[Errno 111] Connection refused" is for programmers.
    return text.partition("] ")[2].lower() or text if text.startswith("[Errno") else text
