"""Exit statuses, the same for every verb, and the error that carries one."""

from typing import Any

OK = 0
NO = 1
USAGE = 2
SERVER = 3
INTERRUPTED = 130
TERMINATED = 143

# What the server says of the thing asked for, not of itself or of who asks.
_ABOUT_THE_REQUEST = frozenset({400, 402, 404, 409, 413, 422})

STATUSES = """\b
Exit status:
  0    all well
  1    verification said no, some files failed, or what was asked for is not there or cannot be done
  2    the command was used wrongly
  3    the server cannot be reached, refuses the key, or failed
  130  interrupted (143 by SIGTERM); run again to go on"""


class CommandError(Exception):
    """A failure told in one line; `told` once something else has printed it already."""

    def __init__(
        self, message: str, status: int = NO, code: str = "FAILED", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.told = False

    def as_json(self) -> dict[str, Any]:
        """The error as the value of "error" in a --json answer."""
        return {"code": self.code, "message": str(self), "details": self.details}


def command_error(error: BaseException) -> CommandError:
    """Say any exception in one line with the exit status that fits it."""
    # Imported here: this is the path of failures, and the client is heavy.
    from hallmarket.client.errors import HallmarketError, InsufficientFunds, Locked, LogRefused, ServerUnreachable
    from hallmarket.proof.errors import ProofError

    match error:
        case CommandError():
            return error
        case ServerUnreachable():
            return CommandError(str(error), SERVER, "UNREACHABLE")
        case InsufficientFunds():
            return CommandError(error.message, NO, error.code, error.details)
        case Locked():
            return CommandError(f"{error.message} {_how_to_buy(error.details)}", NO, error.code, error.details)
        case HallmarketError():
            # Without details a 403 is about the caller's role; a key that does not suffice says what it lacks.
            is_role = error.code == "FORBIDDEN" and error.details is None
            status = NO if is_role or error.status in _ABOUT_THE_REQUEST else SERVER
            return CommandError(_server_said(error), status, error.code, error.details)
        case LogRefused():
            return CommandError(str(error), NO, "LOG_REFUSED")
        case ProofError():
            return CommandError(str(error), NO, "NOT_PROVED")
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return CommandError(f"{where}{(error.strerror or str(error)).lower()}", NO, "FAILED")
        case _:
            message = f"unexpected {type(error).__name__}: {error} (HALLMARKET_TRACE=1 shows where)"
            return CommandError(message, SERVER, "UNEXPECTED")


def _server_said(error: Any) -> str:
    if error.status == 401:
        return f"the server refuses the API key: {error.message}"
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"the server answered {error.status} {error.code}: {error.message}{request}"


def _how_to_buy(details: dict[str, Any] | None) -> str:
    return f"To buy it: hallmarket wallet buy {(details or {}).get('assetId', 'ID')}"
