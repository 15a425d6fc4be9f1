"""`hallmarket assets`: find assets of every type, fetch, share and sell them, see who may do what, delete them."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli.asking import confirm, need_somebody
from hallmarket.cli.assets_download import download
from hallmarket.cli.assets_price import price, visibility
from hallmarket.cli.assets_search import search
from hallmarket.cli.exchanging import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli.exits import OK
from hallmarket.cli.output import count_words, print_json, printable, table

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import DeleteResult, Role

ROLES = ("read", "write", "admin", "none")


@click.group(
    epilog=f"""
    \b
    Examples:
      hallmarket assets search rainfall --type dataset
      hallmarket assets share 0190a3c2-… jane write
      hallmarket assets who 0190a3c2-…
      hallmarket assets price 0190a3c2-… --usd 12.50
      hallmarket assets delete 0190a3c2-… --dry-run
    {EPILOG_END}"""
)
def assets() -> None:
    """Find, fetch, share, sell and delete assets: files, datasets, posts, comments."""


for verb in (search, download, price, visibility):
    assets.add_command(verb)


@assets.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets share 0190a3c2-… jane read
      hallmarket assets share 0190a3c2-… jane none

    WHO is a username or a person's id. A role holds until it is changed; none takes it away.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.argument("who")
@click.argument("role", type=click.Choice(ROLES))
@exchange_options
def share(where: tuple[str, str], asset_id: UUID, who: str, role: "Role", as_json: bool) -> int:
    """Give somebody a role on an asset, or take it away."""
    with open_exchange(where) as exchange:
        person = exchange.person(who)
        exchange.assets.share(str(asset_id), person.user_id, role)
    name = person.username or person.user_id
    if as_json:
        print_json({"id": str(asset_id), "user_id": person.user_id, "username": person.username, "role": role})
    else:
        print(f"{printable(name)} has {'no role' if role == 'none' else f'the role {role}'} on {asset_id} now")
    return OK


@assets.command(
    "who",
    epilog=f"""
    \b
    Examples:
      hallmarket assets who 0190a3c2-…
      hallmarket assets who 0190a3c2-… --json
    {EPILOG_END}""",
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@exchange_options
def who_may(where: tuple[str, str], asset_id: UUID, as_json: bool) -> int:
    """Show who has which role on an asset, its owner first."""
    import msgspec

    with open_exchange(where) as exchange:
        found = list(exchange.assets.permissions(str(asset_id)))
    if as_json:
        print_json({"permissions": msgspec.to_builtins(found)})
        return OK
    people = [(one.role, one.user and one.user.username, one.user and one.user.name, one.user_id) for one in found]
    print(table(("role", "username", "name", "id"), people))
    return OK


@assets.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets delete 0190a3c2-… --dry-run
      hallmarket assets delete 0190a3c2-… --children --yes

    What is in the log stays provable: only the asset goes. Without --children what stands in it stays, on its own.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--children", is_flag=True, help="Delete what stands in it as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@exchange_options
def delete(where: tuple[str, str], asset_id: UUID, dry_run: bool, children: bool, yes: bool, as_json: bool) -> int:
    """Delete an asset; asks first."""
    import msgspec

    need_somebody(yes=yes or dry_run, otherwise=", or look first with --dry-run")
    with open_exchange(where) as exchange:
        if not dry_run and not yes:
            going = exchange.assets.delete(str(asset_id), with_children=children, dry_run=True)
            confirm(f"Delete {_words(going)}?", "nothing is deleted")
        gone = exchange.assets.delete(str(asset_id), with_children=children, dry_run=dry_run)
    if as_json:
        print_json(msgspec.to_builtins(gone))
    else:
        print(f"{'would delete' if gone.dry_run else 'deleted'} {_words(gone)}")
        for child in gone.deleted_children:
            print(f"  and the {child.asset_type} {printable(child.name or '')} ({child.id})")
    return OK


def _words(gone: "DeleteResult") -> str:
    children = f" with {count_words(len(gone.deleted_children), 'asset')} in it" if gone.deleted_children else ""
    return f"the {gone.asset_type} {printable(gone.name or '')} ({gone.id}){children}"
