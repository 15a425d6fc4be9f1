"""Sharing: roles on an asset, who may grant them, and what each allows."""

from typing import Any
from uuid import uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User


def share(who: User, asset: str, person: str, role: str, status: int = 200) -> Any:
    """Grant a person a role, or revoke it."""
    body = {"permission": {"user": {"user_id": person}, "role": role}}
    return who.call("PUT", f"/assets/{asset}/share", status, json=body)


@pytest.fixture
def asset(org: Organization) -> str:
    """The administrator's private asset."""
    return make_asset(org.server, org.admin, name="The harbour", visibility="private")


def test_a_private_asset_is_hidden(org: Organization, asset: str) -> None:
    """A private asset is 404 for other members of the organization and for outsiders."""
    for other in (org.new_user(), org.new_outsider()):
        for method, path in (
            ("GET", ""),
            ("GET", "/type"),
            ("GET", "/children"),
            ("DELETE", ""),
            ("GET", "/permissions"),
        ):
            other.call(method, f"/assets/{asset}{path}", 404)
        share(other, asset, other.id, "admin", 404)
    assert org.admin.call("GET", f"/assets/{asset}")["role"] == "admin"


def test_each_role_allows_what_it_should(org: Organization, asset: str) -> None:
    """Every role allows reading, and only admin allows sharing and deleting. A new role replaces the old one."""
    guest = org.new_user()
    for role, may_share in (("read", 403), ("write", 403), ("admin", 200)):
        share(org.admin, asset, guest.id, role)
        shown = guest.call("GET", f"/assets/{asset}")
        assert (shown["role"], shown["name"]) == (role, "The harbour")
        assert guest.call("GET", f"/assets/{asset}/type") == {"asset_type": "file"}
        share(guest, asset, guest.id, role, may_share)
    share(org.admin, asset, guest.id, "read")
    guest.call("DELETE", f"/assets/{asset}", 403)
    share(org.admin, asset, guest.id, "none")
    guest.call("GET", f"/assets/{asset}", 404)


def test_the_owner_is_always_administrator(org: Organization, asset: str) -> None:
    """Nobody can change the owner's role, and the owner is listed first."""
    guest = org.new_user()
    share(org.admin, asset, guest.id, "admin")
    for role in ("none", "read"):
        share(guest, asset, org.admin.id, role, 409)
    rows = guest.call("GET", f"/assets/{asset}/permissions")
    assert [(row["user_id"], row["role"]) for row in rows] == [(org.admin.id, "admin"), (guest.id, "admin")]


def test_a_grant_notifies_the_person(org: Organization, asset: str) -> None:
    """A grant notifies the person of the asset. Revoking a role notifies nobody."""
    guest = org.new_user()
    share(org.admin, asset, guest.id, "read")
    share(org.admin, asset, guest.id, "none")
    (notification,) = org.server.query(
        "select type, asset_id::text from notification where destination_id = $1", guest.id
    )
    assert (notification["type"], notification["asset_id"]) == ("share", asset)


def test_invalid_requests_are_rejected(org: Organization, asset: str) -> None:
    """Unknown people and assets are 404, unknown roles and invalid ids 400."""
    share(org.admin, asset, str(uuid4()), "read", 404)
    share(org.admin, asset, org.admin.id, "owner", 400)
    share(org.admin, str(uuid4()), org.admin.id, "read", 404)
    share(org.admin, "nothing", org.admin.id, "read", 400)


def test_a_key_bound_to_another_organization_cannot_use_grants(org: Organization, asset: str) -> None:
    """A grant applies to the person's unbound key, and not to a key bound to another organization."""
    outsider = org.new_outsider()
    share(org.admin, asset, outsider.id, "read")
    outsider.call("GET", f"/assets/{asset}", 404)
    assert org.with_unbound_key(outsider).call("GET", f"/assets/{asset}")["role"] == "read"


def test_only_administrators_see_all_permissions(org: Organization, asset: str) -> None:
    """Readers and writers see the owner's role and their own."""
    reader, writer = org.new_user(), org.new_user()
    share(org.admin, asset, reader.id, "read")
    share(org.admin, asset, writer.id, "write")
    seen = {
        who.id: {row["user_id"] for row in who.call("GET", f"/assets/{asset}/permissions")} for who in (reader, writer)
    }
    assert seen == {who.id: {org.admin.id, who.id} for who in (reader, writer)}
    assert len(org.admin.call("GET", f"/assets/{asset}/permissions")) == 3
