"""`hallmarket licences`: what you bought and sold, and the proof of it."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli.exchanging import EPILOG_END, exchange_options, open_exchange, paging_options
from hallmarket.cli.exits import OK
from hallmarket.cli.local import write_whole
from hallmarket.cli.options import log_key_option
from hallmarket.cli.output import count_words, money_words, print_json, printable, table

if TYPE_CHECKING:
    from hallmarket.client.licences import Licence, Side

STATES = {2: "accepted", 3: "anchored", 4: "failed"}


@click.group(
    epilog=f"""
    \b
    Examples:
      hallmarket licences list --role buyer
      hallmarket licences show 0190a3c2-…
      hallmarket licences proof 0190a3c2-… -o licence.json
      hallmarket verify --proof licence.json scan_1944.tif
    {EPILOG_END}"""
)
def licences() -> None:
    """Show what you bought and sold, and save the proof of it."""


@licences.command(
    "list",
    epilog=f"""
    \b
    Examples:
      hallmarket licences list
      hallmarket licences list --role seller --limit 200 --json
      hallmarket licences list --asset 0190a3c2-… --ended
    {EPILOG_END}""",
)
@click.option("--role", type=click.Choice(["buyer", "seller"]), help="Only what you bought, or only what you sold.")
@click.option("--asset", "asset_id", metavar="ID", type=click.UUID, help="Only licences of this asset.")
@click.option("--active/--ended", default=None, help="Only those that hold, or only those that were paid back.")
@paging_options
@exchange_options
def list_licences(
    where: tuple[str, str],
    role: "Side | None",
    asset_id: UUID | None,
    active: bool | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List your licences, newest first."""
    import msgspec

    with open_exchange(where) as exchange:
        wanted = None if asset_id is None else str(asset_id)
        chosen = {"role": role, "asset_id": wanted, "active": active}
        shown = list(exchange.licences.iterate(max_items=limit, offset=offset, **chosen))
    if as_json:
        print_json({"licences": msgspec.to_builtins(shown)})
        return OK
    headers = ("id", "bought", "asset", "price", "buyer", "seller", "state", "name")
    print(table(headers, [_line(one) for one in shown]) if shown else "no licences")
    return OK


@licences.command(
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


@licences.command(
    epilog=f"""
    \b
    Examples:
      hallmarket licences proof 0190a3c2-… -o licence.json
      hallmarket verify --proof licence.json scan_1944.tif
      hallmarket licences proof 0190a3c2-… -o - | jq .claims

    The proof is verified before it is saved. It names buyer, seller and price: the log does not.
    {EPILOG_END}"""
)
@click.argument("licence_id", metavar="ID", type=click.UUID)
@click.option(
    "--output", "-o", metavar="OUT", default="licence.json", show_default=True, help="File to write; - for stdout."
)
@log_key_option
@exchange_options
def proof(where: tuple[str, str], licence_id: UUID, output: str, log_key: str | None, as_json: bool) -> int:
    """Save the proof of a licence, which anybody can check without us."""
    from hallmarket.cli.licence_proof import fetch_proof

    with open_exchange(where) as exchange:
        bundle, verified = fetch_proof(exchange, str(licence_id), log_key)
    write_whole(output, [bundle.encode()])
    if output == "-":
        return OK
    if as_json:
        facts = {"output": printable(output), "id": str(licence_id), "index": verified.index}
        print_json(facts | {"origin": verified.checkpoint.origin, "exit_status": OK})
    else:
        place = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        print(f"{printable(output)}: the proof, verified, that the licence {licence_id} is {place}")
    return OK


def _line(one: "Licence") -> tuple[Any, ...]:
    state = "ended" if one.ended_at else STATES.get(one.status, str(one.status))
    people = one.buyer.username or one.buyer.user_id, one.seller.username or one.seller.user_id
    return one.id, f"{one.created_at[:19]}Z", one.asset.type, one.price.text, *people, state, one.asset.name or ""


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
