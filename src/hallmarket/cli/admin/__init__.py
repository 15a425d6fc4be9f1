"""`hallmarket admin`: organizations, people, API keys and money."""

import click

from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "create-org": Verb("organizations:create_org", "Make an organization."),
    "list-orgs": Verb("organizations:list_orgs", "List all organizations, oldest first."),
    "rename-org": Verb("organizations:rename_org", "Change an organization's name."),
    "create-user": Verb("people:create_user", "Make a person."),
    "list-users": Verb("people:list_users", "List people, with the organizations they belong to."),
    "add-member": Verb("people:add_member", "Make somebody a member of an organization."),
    "set-role": Verb("people:set_role", "Give a member of an organization another role."),
    "remove-member": Verb("people:remove_member", "Take somebody out of an organization."),
    "create-key": Verb("keys:create_key", "Make an API key and print it, this once."),
    "list-keys": Verb("keys:list_keys", "List all keys, oldest first."),
    "revoke-key": Verb("keys:revoke_key", "Revoke a key."),
    "credit": Verb("money:credit", "Put money into somebody's wallet."),
    "payout": Verb("money:payout", "Take money out of somebody's wallet."),
    "refund": Verb("money:refund", "Give back what was paid for an asset."),
    "correct": Verb("money:correct", "Take a transfer back by another one."),
    "audit-money": Verb("money:audit_money", "Recompute all money from its postings."),
    "audit": Verb("audit:audit", "Show who did what to whom, when and from where."),
}

EPILOG = """\b
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

These work on the database itself: of the data folder (--data, HALLMARKET_DATA) or of a PostgreSQL of your own
(--database, HALLMARKET_DATABASE_URL), whether its server is running or not.

\b
Exit status: 0 done; 1 refused, the message says why, or `audit-money` found something; 2 wrong usage.
"""


@click.group(cls=LazyGroup, package=__name__, verbs=VERBS, epilog=EPILOG)
def admin() -> None:
    """Manage organizations, people, API keys and money."""
