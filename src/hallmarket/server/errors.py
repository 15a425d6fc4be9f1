"""What can go wrong, said without HTTP; `http/` chooses the status and each dialect its envelope."""


class DomainError(Exception):
    """Something a caller should be told: a sentence for people, and details for programs.

    `code` is the word a dialect may print; `details` is null or an object of JSON values.
    """

    code = "SERVER_ERROR"

    def __init__(self, message: str, details: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidRequest(DomainError):
    """The request cannot be understood; `field` names the part that is wrong."""

    code = "INVALID_REQUEST"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message, None if field is None else {"field": field, "reason": message})


class InvalidHash(DomainError):
    """A fingerprint is not 128 lower-case hexadecimal digits. The message is the published reference's, to the byte."""

    code = "INVALID_HASH"

    def __init__(self) -> None:
        super().__init__("Hash must be 128\u2011char lowercase hexadecimal.")


class Unauthenticated(DomainError):
    """No key, or one that is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"


class InvalidOrgContext(InvalidRequest):
    """The organization a request names to run in is no UUID."""

    code = "INVALID_ORG_CONTEXT"

    def __init__(self) -> None:
        super().__init__("X-Ouro-Org must be an organization's id, a UUID.", "x-ouro-org")


class OrgContextForbidden(Forbidden):
    """The caller does not belong to the organization the request names to run in."""

    code = "ORG_CONTEXT_FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("You are no member of the organization in X-Ouro-Org.")


class ApiKeyOrgMismatch(Forbidden):
    """The caller's key is bound to another organization than the request names, to run in or to change."""

    code = "API_KEY_ORG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("Your API key is bound to another organization; use a key made for this one.")


class Locked(Forbidden):
    """It is for sale: who wants to see more than its listing must buy it."""

    code = "LOCKED"


class RateLimited(DomainError):
    """Too many requests; `retry_after_s` says when the window ends."""

    code = "RATE_LIMIT"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many requests; try again in {retry_after_s} s.", {"retryAfter": retry_after_s})
        self.retry_after_s = retry_after_s


class NotFound(DomainError):
    """There is no such thing, or none that this caller may know of."""

    code = "NOT_FOUND"


class MethodNotAllowed(DomainError):
    """The path exists; the method does not."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allow: str) -> None:
        super().__init__(f"This path does not take that method; it takes {allow}.", {"allow": allow})
        self.allow = allow


class Duplicate(DomainError):
    """It is there already."""

    code = "DUPLICATE"


class LastAdministrator(DomainError):
    """Without this administrator an organization would have none."""

    code = "LAST_ADMINISTRATOR"

    def __init__(self) -> None:
        super().__init__("An organization keeps at least one administrator; make somebody else one first.")


class Conflict(DomainError):
    """As things stand it cannot be done: they must change first."""

    code = "CONFLICT"


class InsufficientFunds(DomainError):
    """The wallet holds less than it takes; nothing has moved."""

    code = "INSUFFICIENT_FUNDS"


class NotForSale(InvalidRequest):
    """It cannot be bought: by nobody, not in this currency, or not by this caller."""

    code = "NOT_FOR_SALE"


class AlreadyBought(Conflict):
    """The caller has bought it, and pays once."""

    code = "ALREADY_BOUGHT"


class NotConfigured(Conflict):
    """The server's operator has not set up what this needs."""

    code = "NOT_CONFIGURED"


class PriceChanged(Conflict):
    """It costs something else than the buyer expects."""

    code = "PRICE_CHANGED"


class RangeNotSatisfiable(DomainError):
    """The part that was asked for begins behind the end."""

    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"There are {size_bytes} bytes; ask for some of them.", {"sizeBytes": size_bytes})
        self.size_bytes = size_bytes


class IdempotencyMismatch(DomainError):
    """An idempotency key came back with another request."""

    code = "IDEMPOTENCY_MISMATCH"


class PayloadTooLarge(DomainError):
    """A body, packed or unpacked, is larger than this path takes."""

    code = "PAYLOAD_TOO_LARGE"


class Unavailable(DomainError):
    """The database is away or full; nothing was acknowledged, and trying again is safe."""

    code = "UNAVAILABLE"
    retry_after_s = 1

    def __init__(self, message: str = "The database is away for the moment. Try again; nothing is done twice.") -> None:
        super().__init__(message)


class Refusal(Exception):
    """The server or an administrator's command cannot go on; the message tells a person what to do next."""
