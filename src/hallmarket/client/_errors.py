"""Errors that the client raises."""

from typing import Any


class HallmarketError(Exception):
    """The server answered with an error.

    `code`, `message` and `details` are the server's; `status` is the HTTP status; `request_id` names the request in
    the server's log.
    """

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
    """The wallet holds less than the payment, and no money has moved.

    `details` has `currency`, `amount`, `available` and `missing`, in minor units.
    """


class AlreadyBought(HallmarketError):
    """The caller has bought the asset before; nothing is paid a second time."""


class Locked(HallmarketError):
    """The asset is for sale and the caller has not bought it; `details["assetId"]` is what `Wallet.buy` takes."""


class ServerUnreachable(Exception):
    """The server sent no response, or one that is not Hallmarket's; `was_sent` is true if it may have the request."""

    def __init__(self, url: str, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(f"cannot reach the server at {url}: {reason}")
        self.url = url
        self.reason = reason
        self.was_sent = was_sent


class LogRefused(Exception):
    """The log must not be trusted: it changed its key, or its history differs from the one seen before."""


class FileChanged(Exception):
    """A local file was modified during its upload, so the bytes sent are no version of it."""

    def __init__(self) -> None:
        super().__init__("changed while it was being sent")


# Error classes by the server's code; every other code raises a plain HallmarketError.
ERROR_CLASSES: dict[str, type[HallmarketError]] = {
    "INSUFFICIENT_FUNDS": InsufficientFunds,
    "ALREADY_BOUGHT": AlreadyBought,
    "LOCKED": Locked,
}
