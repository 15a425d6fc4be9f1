"""`hallmarket licences show`: show one licence."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ENTRY_STATES, ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, format_money, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Licence

# What the fingerprint is of, for types other than a file.
CONTENT_NAMES = {"dataset": "manifest", "post": "text"}


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket licences show 0190a3c2-…
          hallmarket licences show 0190a3c2-… --json
        """
    )
)
@click.argument("licence_id", metavar="ID", type=click.UUID)
@exchange_options
def show(server: ServerOptions, licence_id: UUID, as_json: bool) -> int:
    """Show one licence: asset, buyer, seller, price and terms."""
    import msgspec

    with open_exchange(server) as exchange:
        licence = exchange.licences.get(str(licence_id))
    print_json(msgspec.to_builtins(licence)) if as_json else print(_text(licence))
    return OK


def _text(licence: "Licence") -> str:
    version = f", from version {licence.version:,} on" if licence.version else ""
    position = "" if licence.leaf_index is None else f", entry {licence.leaf_index:,} of the log"
    currency = licence.price.currency
    fields: dict[str, Any] = {
        "name": printable(licence.asset.name or ""),
        "asset": f"{licence.asset.type} {licence.asset.id}{version}",
        CONTENT_NAMES.get(licence.asset.type, "file"): _format_content(licence),
        "buyer": licence.buyer.username or licence.buyer.user_id,
        "seller": licence.seller.username or licence.seller.user_id,
        "price": licence.price.text,
        "fee": format_money(licence.fee, currency) if licence.fee else None,
        "refunded": format_money(licence.refunded, currency) if licence.refunded else None,
        "terms": "\n".join(printable(text) for text in (licence.license_id, licence.license_text) if text),
        "bought": licence.created_at,
        "ended": licence.ended_at,
        "state": f"{ENTRY_STATES.get(licence.status, licence.status)}{position}",
        "id": licence.id,
    }
    # Every value is printable; the line break between the terms' name and text is intended.
    return "\n".join(f"{name:<9} {value}".replace("\n", f"\n{'':<10}") for name, value in fields.items() if value)


def _format_content(licence: "Licence") -> str | None:
    if licence.sha3_512 is None:
        return None
    return f"{format_count(licence.size or 0, 'byte')} with SHA3-512 {licence.sha3_512}"
