"""`hallmarket admin audit`: show the audit trail of the whole server."""

import re
from typing import Any
from uuid import UUID

import click
import msgspec

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import read_time
from hallmarket.cli._shared.output import printable, to_json
from hallmarket.cli.admin._shared import common_options, run_on_database

MAX_EVENTS = 1_000_000
# Values that need no quotes in a line.
PLAIN_VALUE = re.compile(r"[\w:.@+-]+")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket admin audit
          hallmarket admin audit --org 0190a3c2-… --since 2027-01-01 --action member.add
        """
    )
)
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="only events of this organization")
@click.option("--since", metavar="TIME", help="only events from this time on: ISO 8601, such as 2027-01-01T12:00:00Z")
@click.option("--action", metavar="NOUN.VERB", help="only events of this kind, such as key.create")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_EVENTS),
    default=50,
    show_default=True,
    metavar="N",
    help="show at most this many events",
)
@common_options
def audit(organization_id: UUID | None, since: str | None, action: str | None, limit: int, **common: Any) -> None:
    """Show who did what to whom, when and from where: newest first, one event per line."""
    from hallmarket.server.audit.read import list_all_events

    since_time = None if since is None else read_time(since, "--since")
    events = run_on_database(
        common, lambda connection, _: list_all_events(connection, limit, organization_id, action, since_time)
    )
    for event in events:
        click.echo(msgspec.json.encode(event) if common["as_json"] else _line(event))
    if not events and not common["as_json"]:
        click.echo("There are no such events.")


def _line(event: Any) -> str:
    """Return an event's time, address, actor, action, subject, details and request in one line."""
    actor = event.actor.username if event.actor else "the operator"
    subject = event.subject.username if event.subject else event.subject_id or "-"
    origin = {"request_id": event.request_id, "user_agent": event.user_agent}
    details = {"organization": event.organization_id, **event.details, **origin}
    pairs = " ".join(f"{name}={_quote(value)}" for name, value in details.items() if value is not None)
    line = f"{event.created_at[:19]}Z  {event.address or '-':<15}  {actor:<16}  {event.action:<16}  {subject}  {pairs}"
    return printable(line.rstrip())


def _quote(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_quote, value))
    return str(value) if PLAIN_VALUE.fullmatch(str(value)) else to_json(value)
