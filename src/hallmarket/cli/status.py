"""`hallmarket status`: show the state of the server and its log."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.exit_status import OK, SERVER
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import json_option, server_option
from hallmarket.cli._shared.output import format_count, format_duration, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import LogSummary, Readiness


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket status
          hallmarket status --server https://hallmarket.example --json
        """
    )
)
@server_option
@json_option
def status(server: str, as_json: bool) -> int:
    """Show the server, its log, its queue and its last checkpoint."""
    from hallmarket.cli._shared.connect import connect

    with connect(server) as client:
        readiness = client.ready()
        key = client.log_key() if readiness.status == "ready" else None
    exit_status = OK if readiness.status == "ready" else SERVER
    if as_json:
        print_json(_json(server, readiness, key) | {"exit_status": exit_status})
    else:
        print("\n".join(_lines(server, readiness, key)))
    return exit_status


def _json(server: str, readiness: "Readiness", key: str | None) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(readiness)
    age_s = _checkpoint_age_s(readiness.log)
    return {"server": server, **fields, "logKey": key, "checkpointAge": None if age_s is None else round(age_s, 3)}


def _lines(server: str, readiness: "Readiness", key: str | None) -> list[str]:
    lines = [
        f"server      {server}, {readiness.status}, version {readiness.version or '?'}",
        f"database    {readiness.database or '?'}",
    ]
    if log := readiness.log:
        lines.append(f"log         {printable(log.origin)}, {format_count(log.size, 'entry')}, {log.queue:,} waiting")
        age_s = _checkpoint_age_s(log)
        if log.checkpoint and age_s is not None:
            entries, age = format_count(log.checkpoint.size, "entry"), format_duration(age_s)
            lines.append(f"checkpoint  number {log.checkpoint.number:,}, {entries}, {age} ago")
            lines.append(f"root        {log.checkpoint.root}")
    if key:
        lines.append(f"log key     {printable(key)}")
    return lines


def _checkpoint_age_s(log: "LogSummary | None") -> float | None:
    if not log or not log.checkpoint:
        return None
    try:
        signed = datetime.fromisoformat(log.checkpoint.created_on)
    except ValueError:
        return None
    return max(0.0, (datetime.now(UTC) - signed).total_seconds())
