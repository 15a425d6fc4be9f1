"""Sharing: roles on an asset, who may give them, and what each lets somebody do."""

from typing import Any
from uuid import uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User


def share(who: User, asset: str, person: str, role: str, status: int = 200) -> Any:
    """Ask for a role for somebody."""
    body = {"permission": {"user": {"user_id": person}, "role": role}}
    return who.call("PUT", f"/assets/{asset}/share", status, json=body)


@pytest.fixture
def asset(org: Organization) -> str:
    """The administrator's private asset."""
    return make_asset(org.server, org.admin, name="The harbour", visibility="private")


def test_a_private_asset_is_nobody_elses(org: Organization, asset: str) -> None:
    """To others of the organization and to strangers a private asset is not there."""
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


def test_each_role_opens_what_it_should(org: Organization, asset: str) -> None:
    """Readers read; only administrators share and delete; another role takes the place of the one before."""
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


def test_the_owner_stays_administrator(org: Organization, asset: str) -> None:
    """Nobody takes or changes the owner's role, and the listing names the owner first."""
    guest = org.new_user()
    share(org.admin, asset, guest.id, "admin")
    for role in ("none", "read"):
        share(guest, asset, org.admin.id, role, 409)
    rows = guest.call("GET", f"/assets/{asset}/permissions")
    assert [(row["user_id"], row["role"]) for row in rows] == [(org.admin.id, "admin"), (guest.id, "admin")]


def test_whoever_is_given_a_role_is_told(org: Organization, asset: str) -> None:
    """The grantee's notification names the asset; nobody is told of a role taken away."""
    guest = org.new_user()
    share(org.admin, asset, guest.id, "read")
    share(org.admin, asset, guest.id, "none")
    (told,) = org.server.query("select type, asset_id::text from notification where destination_id = $1", guest.id)
    assert (told["type"], told["asset_id"]) == ("share", asset)


def test_nonsense_is_refused(org: Organization, asset: str) -> None:
    """Unknown people, roles and ids are errors of their own."""
    share(org.admin, asset, str(uuid4()), "read", 404)
    share(org.admin, asset, org.admin.id, "owner", 400)
    share(org.admin, str(uuid4()), org.admin.id, "read", 404)
    share(org.admin, "nothing", org.admin.id, "read", 400)


def test_a_key_of_another_organization_has_no_use_of_grants(org: Organization, asset: str) -> None:
    """A grant counts for the person's free key, not for one bound to another organization."""
    stranger = org.new_outsider()
    share(org.admin, asset, stranger.id, "read")
    stranger.call("GET", f"/assets/{asset}", 404)
    assert org.with_unbound_key(stranger).call("GET", f"/assets/{asset}")["role"] == "read"


def test_only_administrators_see_who_else_was_let_in(org: Organization, asset: str) -> None:
    """Readers and writers see the owner's role and their own."""
    reader, writer = org.new_user(), org.new_user()
    share(org.admin, asset, reader.id, "read")
    share(org.admin, asset, writer.id, "write")
    seen = {
        who.id: {row["user_id"] for row in who.call("GET", f"/assets/{asset}/permissions")} for who in (reader, writer)
    }
    assert seen == {who.id: {org.admin.id, who.id} for who in (reader, writer)}
    assert len(org.admin.call("GET", f"/assets/{asset}/permissions")) == 3
