"""Connections to a server, with the retry policy of the command."""

from collections.abc import Callable

from hallmarket.cli._shared.output import notify
from hallmarket.client import Exchange, Hallmarket, OnWait

# A server that does not answer the first request is probably a wrong address, so give up quickly. Later failures are
# probably outages, or a rate limit, which ends within a minute.
FIRST_RETRY_S = 1.0
LATER_RETRY_S = 90.0
MIN_REPORTED_PAUSE_S = 1.0

Notify = Callable[[str], None]


def connect(url: str, api_key: str | None = None, notify: Notify = notify) -> Hallmarket:
    """Return a client that retries little until `allow_retries` is called; long pauses are reported by `notify`."""
    return Hallmarket(url, api_key, retry_s=FIRST_RETRY_S, on_wait=_reporter(notify))


def connect_exchange(url: str, api_key: str, notify: Notify = notify) -> Exchange:
    """Return an exchange client that has authenticated and retries transient failures."""
    exchange = Exchange(url, api_key, retry_s=FIRST_RETRY_S, on_wait=_reporter(notify))
    try:
        exchange.authenticate()
    except BaseException:
        exchange.close()
        raise
    allow_retries(exchange)
    return exchange


def allow_retries(client: Hallmarket | Exchange) -> None:
    """Retry transient failures from now on, because the server has answered once."""
    client.retry_s = LATER_RETRY_S


def _reporter(notify: Notify) -> OnWait:
    def on_wait(reason: str, pause_s: float) -> None:
        if pause_s >= MIN_REPORTED_PAUSE_S:
            notify(f"{reason}; trying again in {pause_s:.0f} s")

    return on_wait
