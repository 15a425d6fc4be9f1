"""Sharing: roles on an asset, who may give them, and what each lets somebody do."""

from typing import Any
from uuid import uuid4

import pytest

from assets import make_asset
from circle import Circle, Someone


def share(who: Someone, asset: str, person: str, role: str, status: int = 200) -> Any:
    """Ask for a role for somebody."""
    body = {"permission": {"user": {"user_id": person}, "role": role}}
    return who.ask("PUT", f"/assets/{asset}/share", status, json=body)


@pytest.fixture
def asset(circle: Circle) -> str:
    """The administrator's private asset."""
    return make_asset(circle.server, circle.boss, name="The harbour", visibility="private")


def test_a_private_asset_is_nobody_elses(circle: Circle, asset: str) -> None:
    """To others of the organization and to strangers a private asset is not there."""
    for other in (circle.person(), circle.stranger()):
        for method, path in (
            ("GET", ""),
            ("GET", "/type"),
            ("GET", "/children"),
            ("DELETE", ""),
            ("GET", "/permissions"),
        ):
            other.ask(method, f"/assets/{asset}{path}", 404)
        share(other, asset, other.id, "admin", 404)
    assert circle.boss.ask("GET", f"/assets/{asset}")["role"] == "admin"


def test_each_role_opens_what_it_should(circle: Circle, asset: str) -> None:
    """Readers read; only administrators share and delete; another role takes the place of the one before."""
    guest = circle.person()
    for role, may_share in (("read", 403), ("write", 403), ("admin", 200)):
        share(circle.boss, asset, guest.id, role)
        shown = guest.ask("GET", f"/assets/{asset}")
        assert (shown["role"], shown["name"]) == (role, "The harbour")
        assert guest.ask("GET", f"/assets/{asset}/type") == {"asset_type": "file"}
        share(guest, asset, guest.id, role, may_share)
    share(circle.boss, asset, guest.id, "read")
    guest.ask("DELETE", f"/assets/{asset}", 403)
    share(circle.boss, asset, guest.id, "none")
    guest.ask("GET", f"/assets/{asset}", 404)


def test_the_owner_stays_administrator(circle: Circle, asset: str) -> None:
    """Nobody takes or changes the owner's role, and the listing names the owner first."""
    guest = circle.person()
    share(circle.boss, asset, guest.id, "admin")
    for role in ("none", "read"):
        share(guest, asset, circle.boss.id, role, 409)
    rows = guest.ask("GET", f"/assets/{asset}/permissions")
    assert [(row["user_id"], row["role"]) for row in rows] == [(circle.boss.id, "admin"), (guest.id, "admin")]


def test_whoever_is_given_a_role_is_told(circle: Circle, asset: str) -> None:
    """The grantee's notification names the asset; nobody is told of a role taken away."""
    guest = circle.person()
    share(circle.boss, asset, guest.id, "read")
    share(circle.boss, asset, guest.id, "none")
    (told,) = circle.server.query("select type, asset_id::text from notification where destination_id = $1", guest.id)
    assert (told["type"], told["asset_id"]) == ("share", asset)


def test_nonsense_is_refused(circle: Circle, asset: str) -> None:
    """Unknown people, roles and ids are errors of their own."""
    share(circle.boss, asset, str(uuid4()), "read", 404)
    share(circle.boss, asset, circle.boss.id, "owner", 400)
    share(circle.boss, str(uuid4()), circle.boss.id, "read", 404)
    share(circle.boss, "nothing", circle.boss.id, "read", 400)


def test_a_key_of_another_organization_has_no_use_of_grants(circle: Circle, asset: str) -> None:
    """A grant counts for the person's free key, not for one bound to another organization."""
    stranger = circle.stranger()
    share(circle.boss, asset, stranger.id, "read")
    stranger.ask("GET", f"/assets/{asset}", 404)
    assert circle.free(stranger).ask("GET", f"/assets/{asset}")["role"] == "read"


def test_only_administrators_see_who_else_was_let_in(circle: Circle, asset: str) -> None:
    """Readers and writers see the owner's role and their own."""
    reader, writer = circle.person(), circle.person()
    share(circle.boss, asset, reader.id, "read")
    share(circle.boss, asset, writer.id, "write")
    seen = {
        who.id: {row["user_id"] for row in who.ask("GET", f"/assets/{asset}/permissions")} for who in (reader, writer)
    }
    assert seen == {who.id: {circle.boss.id, who.id} for who in (reader, writer)}
    assert len(circle.boss.ask("GET", f"/assets/{asset}/permissions")) == 3
