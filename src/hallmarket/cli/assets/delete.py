"""`hallmarket assets delete`: delete an asset, after asking."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.confirm import confirm, need_somebody
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import count_words, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import DeleteResult


@click.command(
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
