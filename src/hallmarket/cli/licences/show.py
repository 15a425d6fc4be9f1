"""`hallmarket licences show`: show one licence."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import count_words, money_words, print_json, printable
from hallmarket.cli.licences.states import STATES

if TYPE_CHECKING:
    from hallmarket.client.licences import Licence


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket licences show 0190a3c2-…
      hallmarket licences show 0190a3c2-… --json
    {EPILOG_END}"""
)
@click.argument("licence_id", metavar="ID", type=click.UUID)
@exchange_options
def show(where: tuple[str, str], licence_id: UUID, as_json: bool) -> int:
    """Show one licence: what was bought, by whom, of whom, at which price, under which terms."""
    import msgspec

    with open_exchange(where) as exchange:
        found = exchange.licences.get(str(licence_id))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        print(_words(found))
    return OK


def _words(one: "Licence") -> str:
    version = f", from version {one.version:,} on" if one.version else ""
    place = "" if one.leaf_index is None else f", entry {one.leaf_index:,} of the log"
    facts: dict[str, Any] = {
        "name": printable(one.asset.name or ""),
        "asset": f"{one.asset.type} {one.asset.id}{version}",
        {"dataset": "manifest", "post": "text"}.get(one.asset.type, "file"): _bytes_words(one),
        "buyer": one.buyer.username or one.buyer.user_id,
        "seller": one.seller.username or one.seller.user_id,
        "price": one.price.text,
        "fee": money_words(one.fee, one.price.currency) if one.fee else None,
        "refunded": money_words(one.refunded, one.price.currency) if one.refunded else None,
        "terms": "\n".join(printable(text) for text in (one.license_id, one.license_text) if text),
        "bought": one.created_at,
        "ended": one.ended_at,
        "state": f"{STATES.get(one.status, one.status)}{place}",
        "id": one.id,
    }
    # Each fact is printable by itself; the terms are two lines where they have a name and a text.
    return "\n".join(f"{name:<9} {fact}".replace("\n", f"\n{'':<10}") for name, fact in facts.items() if fact)


def _bytes_words(one: "Licence") -> str | None:
    """What the fingerprint is of: a file's own bytes, a dataset's manifest, a post's markdown."""
    return None if one.sha3_512 is None else f"{count_words(one.size or 0, 'byte')} with SHA3-512 {one.sha3_512}"
