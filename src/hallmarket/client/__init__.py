"""Python bindings: `Hallmarket` speaks to a server's registry, `client.exchange.Exchange` to its exchange, and
`client.trust` remembers which logs have been seen.

from hallmarket.client import Hallmarket
from hallmarket.client.types import AnchorRequest

with Hallmarket("http://127.0.0.1:8000", api_key="…") as server:
    anchored = server.anchor(AnchorRequest(hash="…", size=12345, name="scan_1944.tif"))
"""

from typing import TYPE_CHECKING, Any

from hallmarket.client.errors import HallmarketError, ServerUnreachable

if TYPE_CHECKING:
    from hallmarket.client.api import Hallmarket

__all__ = ["Hallmarket", "HallmarketError", "ServerUnreachable"]


def __getattr__(name: str) -> Any:
    # httpx takes a tenth of a second to import; whoever wants only the errors or the trust store need not wait for it.
    if name == "Hallmarket":
        from hallmarket.client.api import Hallmarket

        return Hallmarket
    raise AttributeError(name)
