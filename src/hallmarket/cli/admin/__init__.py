"""`hallmarket admin`: manage organizations, people, API keys and money in a server's database."""

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "create-org": Verb("organizations:create_org", "Create an organization."),
    "list-orgs": Verb("organizations:list_orgs", "List all organizations, oldest first."),
    "rename-org": Verb("organizations:rename_org", "Change an organization's name."),
    "create-user": Verb("people:create_user", "Create a user."),
    "list-users": Verb("people:list_users", "List users and their organizations, oldest first."),
    "add-member": Verb("people:add_member", "Make a user a member of an organization."),
    "set-role": Verb("people:set_role", "Change a member's role."),
    "remove-member": Verb("people:remove_member", "Remove a user from an organization."),
    "create-key": Verb("keys:create_key", "Create an API key and print it once."),
    "list-keys": Verb("keys:list_keys", "List all API keys, oldest first."),
    "revoke-key": Verb("keys:revoke_key", "Revoke an API key."),
    "credit": Verb("money:credit", "Put money into a user's wallet."),
    "payout": Verb("money:payout", "Take money that you paid out elsewhere from a user's wallet."),
    "refund": Verb("money:refund", "Refund a purchase, fully or in part."),
    "correct": Verb("money:correct", "Reverse a transfer that is not a purchase."),
    "audit-money": Verb("money:audit_money", "Recompute all money from its postings and report what differs."),
    "audit": Verb("audit:audit", "Show the audit trail of the whole server, newest first."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket admin create-org "The Gazette"
          hallmarket admin create-user jane --org 0190… --firstname Jane --lastname Doe --role admin
          hallmarket admin add-member john --org 0190… --role admin
          hallmarket admin list-users --org 0190…
          hallmarket admin create-key jane --org 0190… --scopes media:read,media:anchor --expires 2027-01-01
          hallmarket admin list-keys --json
          hallmarket admin revoke-key 0190…
          hallmarket admin audit --since 2027-01-01 --json
          hallmarket admin credit jane 12.50 --currency usd --reason "By cheque"
          hallmarket admin payout jane 100 --currency usd
          hallmarket admin refund 0190… 5.00
          hallmarket admin correct 0190… --reason "Credited twice"
          hallmarket admin audit-money

        These commands work on the database itself, whether or not its server is running: the database in the data
        folder (--data, HALLMARKET_DATA), or a PostgreSQL of your own (--database, HALLMARKET_DATABASE_URL).
        """
    ),
)
def admin() -> None:
    """Manage organizations, people, API keys and money."""
