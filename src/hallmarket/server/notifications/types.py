"""Notifications and their categories, as the exchange dialect shows them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

# The reference's categories, each with its types. Types without a category, such as `follow`, are listed only if no
# category is requested.
CATEGORIES = {
    "mentions": ("mention",),
    "comments": ("comment", "reply"),
    "references": ("reference",),
    "shares": ("share", "ownership-transfer"),
    "money": ("payment", "deposit"),
    "actions": ("action-complete", "action-failed"),
}


class SourceUser(msgspec.Struct, frozen=True):
    """The person whose action caused a notification."""

    user_id: UUID
    username: str
    name: str | None
    avatar_path: str | None
    bio: str | None
    actor_type: str


class Notification(msgspec.Struct, frozen=True):
    """The reference's Notification. `org_id` is the zero UUID if it concerns no organization."""

    id: UUID
    destination_user_id: UUID
    source_user_id: UUID | None
    org_id: UUID
    asset_id: UUID | None
    type: str
    viewed: bool
    content: dict[str, Any] | None
    source_user: SourceUser | None
    created_at: datetime
    last_updated: datetime


def make_notification(row: asyncpg.Record) -> Notification:
    """Make a notification from a row of `get_notifications`."""
    source = None
    if row["source_id"] is not None:
        source = SourceUser(
            row["source_id"], row["username"], row["name"], row["profile_picture"], row["bio"], row["actor_type"]
        )
    return Notification(
        id=row["id"],
        destination_user_id=row["destination_id"],
        source_user_id=row["source_id"],
        org_id=row["organization_id"],
        asset_id=row["asset_id"],
        type=row["type"],
        viewed=row["viewed_on"] is not None,
        content=None if row["content"] is None else msgspec.json.decode(row["content"]),
        source_user=source,
        created_at=row["created_on"],
        last_updated=row["viewed_on"] or row["created_on"],
    )
