"""What can go wrong between the bindings and a server."""

from typing import Any


class HallmarketError(Exception):
    """The server answered with an error: its code, message and details, the HTTP status and the request's id."""

    def __init__(
        self, code: str, message: str, details: dict[str, Any] | None, status: int, request_id: str | None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code = code
        self.message = message
        self.details = details
        self.status = status
        self.request_id = request_id


class InsufficientFunds(HallmarketError):
    """The wallet holds less than it takes, and nothing has moved; `details` has `currency`, `amount`, `available` and
    `missing`, in minor units."""


class AlreadyBought(HallmarketError):
    """The caller has bought it already, and pays once."""


class Locked(HallmarketError):
    """It is for sale, and not bought yet: `details` has the `assetId` that `Wallet.buy` takes."""


class ServerUnreachable(Exception):
    """No answer came from the server, or none that is one of ours; `was_sent` if it may have got the request."""

    def __init__(self, url: str, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(f"cannot reach the server at {url}: {reason}")
        self.url = url
        self.reason = reason
        self.was_sent = was_sent


class LogRefused(Exception):
    """A log that must not be trusted: it changed its key, or shows a past other than the one seen before."""


class FileChanged(Exception):
    """A local file that was written to while it was being sent: what left was no version that ever stood on disk."""

    def __init__(self) -> None:
        super().__init__("changed while it was being sent")


# By the server's word for it; every other is a plain HallmarketError.
KINDS: dict[str, type[HallmarketError]] = {
    "INSUFFICIENT_FUNDS": InsufficientFunds,
    "ALREADY_BOUGHT": AlreadyBought,
    "LOCKED": Locked,
}
