"""`hallmarket assets delete`: delete an asset, after asking."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.confirm import confirm, require_terminal
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import DeleteResult


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets delete 0190a3c2-… --dry-run
          hallmarket assets delete 0190a3c2-… --children --yes

        Only the asset is deleted: its entry in the log remains, and can still be proved. Without --children the assets
        in it are kept.
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--children", is_flag=True, help="Delete the assets in it too.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@exchange_options
def delete(server: ServerOptions, asset_id: UUID, dry_run: bool, children: bool, yes: bool, as_json: bool) -> int:
    """Delete an asset, after asking."""
    import msgspec

    require_terminal(yes=yes or dry_run, hint=", or --dry-run to see what would be deleted")
    with open_exchange(server) as exchange:
        if not dry_run and not yes:
            preview = exchange.assets.delete(str(asset_id), with_children=children, dry_run=True)
            confirm(f"Delete {_describe(preview)}?", "nothing is deleted")
        deleted = exchange.assets.delete(str(asset_id), with_children=children, dry_run=dry_run)
    if as_json:
        print_json(msgspec.to_builtins(deleted))
    else:
        print(f"{'would delete' if deleted.dry_run else 'deleted'} {_describe(deleted)}")
        for child in deleted.deleted_children:
            print(f"  and the {child.asset_type} {printable(child.name or '')} ({child.id})")
    return OK


def _describe(deleted: "DeleteResult") -> str:
    count = len(deleted.deleted_children)
    children = f" with {format_count(count, 'asset')} in it" if count else ""
    return f"the {deleted.asset_type} {printable(deleted.name or '')} ({deleted.id}){children}"
