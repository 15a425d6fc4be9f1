"""A server to talk to, for the verbs that ask rather than anchor."""

from collections.abc import Callable

from hallmarket.cli._shared.output import tell
from hallmarket.client.api import Hallmarket
from hallmarket.client.exchange import Exchange

# A server that is not there at the first word is a mistake, not an outage; a limit on requests ends within a minute.
FIRST_RETRY_S = 1.0
LATER_RETRY_S = 90.0


def connect(url: str, api_key: str | None = None, tell: Callable[[str], None] = tell) -> Hallmarket:
    """Return the bindings to a server, with little patience until `be_patient`; pauses worth knowing are told."""
    return Hallmarket(url, api_key, retry_s=FIRST_RETRY_S, on_wait=_telling(tell))


def connect_exchange(url: str, api_key: str, tell: Callable[[str], None] = tell) -> Exchange:
    """Return the bindings to a server's exchange once it has taken the key; from then on with patience."""
    exchange = Exchange(url, api_key, retry_s=FIRST_RETRY_S, on_wait=_telling(tell))
    try:
        exchange.session.open()
    except BaseException:
        exchange.close()
        raise
    be_patient(exchange)
    return exchange


def be_patient(server: Hallmarket | Exchange) -> None:
    """From here on the server is known to be there, so sit out what passes."""
    server.transport.retry_s = LATER_RETRY_S


def _telling(tell: Callable[[str], None]) -> Callable[[str, float], None]:
    def on_wait(reason: str, pause_s: float) -> None:
        if pause_s >= 1:
            tell(f"{reason}; going on in {pause_s:.0f} s")

    return on_wait
