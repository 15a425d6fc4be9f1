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
    help="Where the server is.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON on stdout.")

log_key_option = click.option(
    "--log-key",
    metavar="KEY",
    callback=lambda _, __, text: _log_key(text),
    help="Trust this verifier key and no other: its text, or a FILE (or @FILE) holding it.",
)


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --api-key and --api-key-file, given to the verb as `api_key` and `api_key_file`."""
    command = click.option(
        "--api-key-file", metavar="FILE", envvar="HALLMARKET_API_KEY_FILE", show_envvar=True, help="A file holding it."
    )(command)
    return click.option(
        "--api-key",
        metavar="KEY",
        envvar="HALLMARKET_API_KEY",
        show_envvar=True,
        help="Your API key; prefer the environment or a file, which other users cannot see.",
    )(command)


def get_api_key(api_key: str | None, api_key_file: str | None) -> str:
    """Return the API key that was given, one way or the other; a usage error where none was."""
    if api_key is None and api_key_file:
        api_key = read_text(api_key_file, "--api-key-file")
    if not (api_key or "").strip():
        raise click.UsageError("an API key is needed: --api-key, --api-key-file or HALLMARKET_API_KEY")
    key = str(api_key).strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise click.UsageError("that is no API key: it holds characters that no key has")
    return key


def read_text(path: str, option: str) -> str:
    """Read a small text file that an option names; a usage error where that cannot be."""
    from pathlib import Path

    try:
        return Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: {path} is no UTF-8 text") from None
    except OSError as error:
        raise click.UsageError(f"{option}: {path}: {(error.strerror or str(error)).lower()}") from None


def text_or_file(said: str | None, option: str) -> str | None:
    """An option's text, or what the file holds that it names by @FILE; a usage error where that cannot be read."""
    return read_text(said[1:], option) if said is not None and said.startswith("@") else said


def read_time(text: str, option: str) -> datetime:
    """The time an option gives, in UTC unless it says otherwise; a usage error for no ISO 8601."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            "must be ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z", param_hint=option
        ) from None


def server_url(url: str) -> str:
    """Check and tidy a server's address."""
    tidy = url.strip().rstrip("/")
    scheme, slashes, host = tidy.partition("://")
    if scheme.lower() not in {"http", "https"} or not slashes or not host or host.startswith(("/", ":", "?", "#")):
        raise click.BadParameter(f"{url!r} is no http:// or https:// address")
    return tidy


def _log_key(text: str | None) -> str | None:
    if text is None:
        return None
    from pathlib import Path

    from hallmarket.proof.errors import ProofError
    from hallmarket.proof.key import VerifierKey

    # HALLMARKET_LOG_KEY is no default for it: there the server finds its signing key.
    if text.startswith("@"):
        text = read_text(text[1:], "--log-key")
    elif Path(text).is_file():
        text = read_text(text, "--log-key")
    try:
        return str(VerifierKey.parse(text.strip()))
    except ProofError as error:
        raise click.BadParameter(f"{error}") from None
