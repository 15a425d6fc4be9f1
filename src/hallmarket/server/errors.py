"""Domain errors, independent of HTTP. `http/` maps them to a status and to each dialect's error format."""


class DomainError(Exception):
    """An error that is reported to the client: a message for people, and a code and details for programs.

    `code` is a constant of each class. `details` is None or an object of JSON values.
    """

    code = "SERVER_ERROR"

    def __init__(self, message: str, details: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidRequest(DomainError):
    """The request is malformed or has an invalid value. `field` names the invalid part, if there is one."""

    code = "INVALID_REQUEST"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message, None if field is None else {"field": field, "reason": message})


class InvalidHash(DomainError):
    """A hash is not 128 lower-case hexadecimal digits. The published reference fixes the message byte for byte."""

    code = "INVALID_HASH"

    def __init__(self) -> None:
        super().__init__("Hash must be 128\u2011char lowercase hexadecimal.")


class Unauthenticated(DomainError):
    """The request has no credential, or one that is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    """The caller is authenticated but does not have the required right."""

    code = "FORBIDDEN"


class InvalidOrgContext(InvalidRequest):
    """The header that selects the organization does not contain a UUID."""

    code = "INVALID_ORG_CONTEXT"

    def __init__(self) -> None:
        super().__init__("X-Ouro-Org must be the id of an organization, a UUID.", "x-ouro-org")


class OrgContextForbidden(Forbidden):
    """The caller is not a member of the organization that the request selects."""

    code = "ORG_CONTEXT_FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("You are not a member of the organization in X-Ouro-Org.")


class ApiKeyOrgMismatch(Forbidden):
    """The caller's key is bound to one organization, and the request selects or changes another."""

    code = "API_KEY_ORG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("Your API key is bound to another organization. Use a key for this organization.")


class Locked(Forbidden):
    """The content is for sale, and the caller has not bought it."""

    code = "LOCKED"


class RateLimited(DomainError):
    """The caller has sent too many requests. The limit resets after `retry_after_s` seconds."""

    code = "RATE_LIMIT"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many requests. Try again in {retry_after_s} s.", {"retryAfter": retry_after_s})
        self.retry_after_s = retry_after_s


class NotFound(DomainError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"


class MethodNotAllowed(DomainError):
    """The path exists, but does not support the request's method. `allow` lists the methods that it supports."""

    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allow: str) -> None:
        super().__init__(f"This path does not support that method. Use {allow}.", {"allow": allow})
        self.allow = allow


class Duplicate(DomainError):
    """The thing already exists."""

    code = "DUPLICATE"


class LastAdministrator(DomainError):
    """The change would leave an organization without an administrator."""

    code = "LAST_ADMINISTRATOR"

    def __init__(self) -> None:
        super().__init__("An organization must keep at least one administrator. Make another member one first.")


class Conflict(DomainError):
    """The current state does not permit the request."""

    code = "CONFLICT"


class InsufficientFunds(DomainError):
    """The wallet's balance is too low. No money was moved."""

    code = "INSUFFICIENT_FUNDS"


class NotForSale(InvalidRequest):
    """The asset is not for sale: not at all, not in this currency, or not to this caller."""

    code = "NOT_FOR_SALE"


class AlreadyBought(Conflict):
    """The caller has already bought the asset and is not charged again."""

    code = "ALREADY_BOUGHT"


class NotConfigured(Conflict):
    """The server's operator has not configured this feature."""

    code = "NOT_CONFIGURED"


class PriceChanged(Conflict):
    """The price differs from the one that the buyer expects."""

    code = "PRICE_CHANGED"


class RangeNotSatisfiable(DomainError):
    """The requested byte range starts after the end of the content."""

    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The range is past the end: the content has {size_bytes} bytes. Request bytes within it.",
            {"sizeBytes": size_bytes},
        )
        self.size_bytes = size_bytes


class IdempotencyMismatch(DomainError):
    """An idempotency key was used again with a different request."""

    code = "IDEMPOTENCY_MISMATCH"


class PayloadTooLarge(DomainError):
    """The request body, compressed or decompressed, is larger than the path accepts."""

    code = "PAYLOAD_TOO_LARGE"


class Unavailable(DomainError):
    """The database or another dependency is unavailable or full. Nothing was acknowledged, so a retry is safe."""

    code = "UNAVAILABLE"
    retry_after_s = 1

    def __init__(self, message: str = "The database is temporarily unavailable. Try again; a retry is safe.") -> None:
        super().__init__(message)


class Refusal(Exception):
    """The server or an admin command cannot continue. The message tells the operator what to do."""
