"""`hallmarket admin audit`: the audit trail of the whole server, newest first."""

import re
from typing import Any
from uuid import UUID

import click
import msgspec

from hallmarket.cli._shared.options import read_time
from hallmarket.cli._shared.output import printable, to_json
from hallmarket.cli.admin._shared import common_options, run_work

MAX_EVENTS = 1_000_000
WORD = re.compile(r"[\w:.@+-]+")


@click.command("audit", epilog="Example: hallmarket admin audit --org ID --since 2027-01-01 --action member.add")
@click.option("--org", "organization_id", type=click.UUID, metavar="ID", help="only what concerns this organization")
@click.option("--since", metavar="TIME", help="from then on: ISO 8601, such as 2027-01-01 or 2027-01-01T12:00:00Z")
@click.option("--action", metavar="NOUN.VERB", help="only events of this kind, such as key.create")
@click.option("--limit", type=click.IntRange(1, MAX_EVENTS), default=50, show_default=True, metavar="N", help="at most")
@common_options
def audit(organization_id: UUID | None, since: str | None, action: str | None, limit: int, **common: Any) -> None:
    """Show who did what to whom, when and from where: newest first, one event a line."""
    from hallmarket.server.audit.read import list_all_events

    moment = None if since is None else read_time(since, "--since")
    events = run_work(common, lambda connection, _: list_all_events(connection, limit, organization_id, action, moment))
    for event in events:
        click.echo(msgspec.json.encode(event) if common["as_json"] else _line(event))
    if not events and not common["as_json"]:
        click.echo("There are no such events.")


def _line(event: Any) -> str:
    """One event for people: when, from where, who, what, to whom, and the rest."""
    who = event.actor.username if event.actor else "the operator"
    whom = event.subject.username if event.subject else event.subject_id or "-"
    rest = {"organization": event.organization_id, **event.details}
    told = " ".join(f"{name}={_word(value)}" for name, value in rest.items() if value is not None)
    line = f"{event.created_at[:19]}Z  {event.address or '-':<15}  {who:<16}  {event.action:<16}  {whom}  {told}"
    return printable(line.rstrip())


def _word(value: Any) -> str:
    """A value in a line, quoted where it would not be one word."""
    if isinstance(value, list):
        return ",".join(map(_word, value))
    return str(value) if WORD.fullmatch(str(value)) else to_json(value)
