"""Options that several verbs share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

DEFAULT_SERVER = "http://127.0.0.1:8000"

server_option = click.option(
    "--server",
    metavar="URL",
    envvar="HALLMARKET_SERVER",
    default=DEFAULT_SERVER,
    show_default=True,
    show_envvar=True,
    callback=lambda _, __, url: server_url(url),
    help="The server's address.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

log_key_option = click.option(
    "--log-key",
    metavar="KEY",
    callback=lambda _, __, text: _log_key(text),
    help="Trust only this verifier key of the log: its text, or a FILE (or @FILE) that holds it.",
)


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --api-key and --api-key-file, passed to the verb as `api_key` and `api_key_file`."""
    command = click.option(
        "--api-key-file",
        metavar="FILE",
        envvar="HALLMARKET_API_KEY_FILE",
        show_envvar=True,
        help="A file that holds your API key.",
    )(command)
    return click.option(
        "--api-key",
        metavar="KEY",
        envvar="HALLMARKET_API_KEY",
        show_envvar=True,
        help="Your API key. Prefer the variable or a file: other users of this machine can see options.",
    )(command)


def get_api_key(api_key: str | None, api_key_file: str | None) -> str:
    """Return the API key from either option; raises a usage error if there is none or it is malformed."""
    if api_key is None and api_key_file:
        api_key = read_text(api_key_file, "--api-key-file")
    if not (api_key or "").strip():
        raise click.UsageError("an API key is needed: set HALLMARKET_API_KEY, or pass --api-key or --api-key-file")
    key = str(api_key).strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise click.UsageError("this is not an API key: it contains spaces or special characters")
    return key


def read_text(path: str, option: str) -> str:
    """Read a small text file named by an option; raises a usage error if it cannot be read."""
    from pathlib import Path

    try:
        return Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: {path} is not UTF-8 text") from None
    except OSError as error:
        raise click.UsageError(f"{option}: {path}: {(error.strerror or str(error)).lower()}") from None


def text_or_file(value: str | None, option: str) -> str | None:
    """Return an option's text, or the content of the file if it is @FILE; raises a usage error if it is unreadable."""
    return read_text(value[1:], option) if value is not None and value.startswith("@") else value


def read_time(text: str, option: str) -> datetime:
    """Parse an option's ISO 8601 time, in UTC unless it has an offset; raises a usage error."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            "must be ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z", param_hint=option
        ) from None


def server_url(url: str) -> str:
    """Return a server's address without a trailing slash; raises a usage error if it is not http or https."""
    stripped = url.strip().rstrip("/")
    scheme, slashes, host = stripped.partition("://")
    if scheme.lower() not in {"http", "https"} or not slashes or not host or host.startswith(("/", ":", "?", "#")):
        raise click.BadParameter(f"{url!r} is not an http:// or https:// address")
    return stripped


def _log_key(text: str | None) -> str | None:
    if text is None:
        return None
    from pathlib import Path

    from hallmarket.proof.errors import ProofError
    from hallmarket.proof.key import VerifierKey

    # The option has no environment variable: HALLMARKET_LOG_KEY is the server's signing key.
    if text.startswith("@"):
        text = read_text(text[1:], "--log-key")
    elif Path(text).is_file():
        text = read_text(text, "--log-key")
    try:
        return str(VerifierKey.parse(text.strip()))
    except ProofError as error:
        raise click.BadParameter(f"{error}") from None
