"""The command's exit statuses, and the exit status of every error."""

from typing import Any

OK = 0
FAILED = 1
USAGE = 2
SERVER = 3
INTERRUPTED = 130
PIPE_CLOSED = 141
TERMINATED = 143

# Shown by every --help; a test compares it with the table in docs/reference/command.md.
EXIT_STATUSES = {
    OK: "success",
    FAILED: "verification failed, some files failed, or the request cannot be fulfilled: the message says why",
    USAGE: "the command line is wrong, or a package that the command needs is not installed",
    SERVER: "the server cannot be reached, rejects the API key or its scopes, or failed",
    INTERRUPTED: "interrupted by Ctrl-C; run the command again to continue",
    PIPE_CLOSED: "the program that reads the output has closed it",
    TERMINATED: "stopped by SIGTERM; run the command again to continue",
}

# HTTP statuses about the request itself, rather than about the server or the caller's key.
_REQUEST_STATUSES = frozenset({400, 402, 404, 409, 413, 422})


class CommandError(Exception):
    """A failure to report in one line; `reported` is true once it has been printed."""

    def __init__(
        self, message: str, status: int = FAILED, code: str = "FAILED", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.reported = False

    def as_json(self) -> dict[str, Any]:
        """Return the error as the value of "error" in the output of --json."""
        return {"code": self.code, "message": str(self), "details": self.details}


def command_error(error: BaseException) -> CommandError:
    """Return any exception as a one-line message with its exit status."""
    if isinstance(error, CommandError):
        return error
    # Imported only when something has failed, because the client takes time to import.
    from hallmarket.client import (
        HallmarketError,
        InsufficientFunds,
        Locked,
        LogRefused,
        ProofError,
        ServerUnreachable,
    )

    match error:
        case ServerUnreachable():
            return CommandError(str(error), SERVER, "UNREACHABLE")
        case InsufficientFunds():
            return CommandError(error.message, FAILED, error.code, error.details)
        case Locked():
            asset_id = (error.details or {}).get("assetId", "ID")
            message = f"{error.message} To buy it: hallmarket wallet buy {asset_id}"
            return CommandError(message, FAILED, error.code, error.details)
        case HallmarketError():
            # A 403 without details is about the caller's role; one about the key says which scope is missing.
            is_role = error.code == "FORBIDDEN" and error.details is None
            status = FAILED if is_role or error.status in _REQUEST_STATUSES else SERVER
            return CommandError(_server_message(error), status, error.code, error.details)
        case LogRefused():
            return CommandError(str(error), FAILED, "LOG_REFUSED")
        case ProofError():
            return CommandError(str(error), FAILED, "NOT_PROVED")
        case OSError():
            path = f"{error.filename}: " if error.filename else ""
            return CommandError(f"{path}{(error.strerror or str(error)).lower()}", FAILED, "FAILED")
        case _:
            message = f"unexpected {type(error).__name__}: {error} (HALLMARKET_TRACE=1 shows where)"
            return CommandError(message, SERVER, "UNEXPECTED")


def _server_message(error: Any) -> str:
    if error.status == 401:
        return f"the server rejects the API key: {error.message}"
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"the server answered {error.status} {error.code}: {error.message}{request}"
