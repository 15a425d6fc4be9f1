"""The HTTP status of each domain error."""

from hallmarket.server import errors

STATUS_CODES: dict[type[errors.DomainError], int] = {
    errors.InvalidRequest: 400,
    errors.InvalidHash: 400,
    errors.Unauthenticated: 401,
    errors.InsufficientFunds: 402,
    errors.Forbidden: 403,
    errors.RateLimited: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Duplicate: 409,
    errors.Conflict: 409,
    errors.LastAdministrator: 409,
    errors.PayloadTooLarge: 413,
    errors.RangeNotSatisfiable: 416,
    errors.IdempotencyMismatch: 422,
    errors.Unavailable: 503,
}


def status_code(error: errors.DomainError) -> int:
    """Return the status of an error in the media dialect: that of its nearest class in the table, or 500."""
    return next((STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES), 500)
