"""`hallmarket status`: how the server and its log are."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.exit_status import OK, SERVER, STATUSES
from hallmarket.cli._shared.options import json_option, server_option
from hallmarket.cli._shared.output import count_words, duration_words, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.types import LogSummary, Readiness


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket status
      hallmarket status --server https://hallmarket.example --json

    {STATUSES.replace(chr(10), chr(10) + "    ")}
    """
)
@server_option
@json_option
def status(server: str, as_json: bool) -> int:
    """Show the server, its log, its queue and its last checkpoint."""
    from hallmarket.cli._shared.connect import connect

    with connect(server) as speaker:
        readiness = speaker.ready()
        key = speaker.log_key() if readiness.status == "ready" else None
    exit_status = OK if readiness.status == "ready" else SERVER
    if as_json:
        print_json(_facts(server, readiness, key) | {"exit_status": exit_status})
    else:
        print("\n".join(_lines(server, readiness, key)))
    return exit_status


def _facts(server: str, readiness: "Readiness", key: str | None) -> dict[str, Any]:
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(readiness)
    age_s = _age_s(readiness.log)
    return {"server": server, **facts, "logKey": key, "checkpointAge": None if age_s is None else round(age_s, 3)}


def _lines(server: str, readiness: "Readiness", key: str | None) -> list[str]:
    lines = [
        f"server      {server}, {readiness.status}, version {readiness.version or '?'}",
        f"database    {readiness.database or '?'}",
    ]
    if log := readiness.log:
        lines.append(f"log         {printable(log.origin)}, {count_words(log.size, 'entry')}, {log.queue:,} waiting")
        age_s = _age_s(log)
        if log.checkpoint and age_s is not None:
            entries, age = count_words(log.checkpoint.size, "entry"), duration_words(age_s)
            lines.append(f"checkpoint  number {log.checkpoint.number:,}, {entries}, {age} ago")
            lines.append(f"root        {log.checkpoint.root}")
    if key:
        lines.append(f"log key     {printable(key)}")
    return lines


def _age_s(log: "LogSummary | None") -> float | None:
    if not log or not log.checkpoint:
        return None
    try:
        signed = datetime.fromisoformat(log.checkpoint.created_on)
    except ValueError:
        return None
    return max(0.0, (datetime.now(UTC) - signed).total_seconds())
