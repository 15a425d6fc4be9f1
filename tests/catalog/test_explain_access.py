"""Explanations of access. `test_access_oracle.py` checks that they are true."""

from typing import Any

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error


def explain(who: User, asset: str, status: int = 200, **query: Any) -> Any:
    """Return the explanation that a person gets."""
    return who.call("GET", f"/assets/{asset}/explain", status, params=query)


def codes(explained: Any) -> list[str]:
    """Return the codes of the reasons."""
    return [reason["code"] for reason in explained["reasons"]]


def share(org: Organization, asset: str, person: User, role: str) -> None:
    """Grant a person a role on the administrator's asset."""
    given = {"permission": {"user": {"user_id": person.id}, "role": role}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)


def test_owners_may_do_everything(org: Organization) -> None:
    """An owner may do everything, with any visibility."""
    asset = make_asset(org.server, org.admin, visibility="private")
    explained = explain(org.admin, asset, action="delete")
    assert (explained["allowed"], explained["role"], explained["needs"]) == (True, "admin", "admin")
    assert codes(explained) == ["private", "owner"]
    assert explained["reasons"][1] == {"code": "owner", "message": "They own it.", "gives": "admin"}
    assert (explained["asset_id"], explained["user_id"]) == (asset, org.admin.id)


def test_administrators_get_the_explanations_of_others(org: Organization) -> None:
    """Administrators get the explanation that another person gets. Nobody else gets it for another person."""
    guest, outsider = org.new_user(), org.with_unbound_key(org.new_outsider())
    asset = make_asset(org.server, org.admin, visibility="organization")
    child = make_asset(org.server, org.admin, parent_id=asset)
    assert codes(explain(guest, asset)) == ["member", "no_role"]
    assert explain(guest, asset)["allowed"] is True
    assert explain(guest, asset, action="write")["allowed"] is False
    assert codes(explain(org.admin, asset, user_id=outsider.id)) == ["not_a_member", "no_role"]
    explain(outsider, asset, 404)
    share(org, asset, outsider, "write")
    assert codes(explain(outsider, asset, action="write")) == ["not_a_member", "granted"]
    assert codes(explain(outsider, child)) == codes(explain(org.admin, child, user_id=outsider.id))
    assert codes(explain(outsider, child)) == ["not_a_member", "inherited"]
    explain(outsider, asset, 403, user_id=guest.id)
    explain(org.admin, asset, 404, user_id="01a20135-7af3-7549-98e5-a754812b5666")


def test_for_sale(org: Organization) -> None:
    """The explanation of an asset for sale has its prices."""
    team = org.admin.create_team("shop", visibility="public")["id"]
    priced = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 9.5, "price_sats": 700}
    asset = make_asset(org.server, org.admin, team_id=team, **priced)
    explained = explain(org.new_outsider(), asset)
    assert (explained["allowed"], explained["role"]) == (False, None)
    assert codes(explained) == ["for_sale", "no_role"]
    assert (explained["price_usd"], explained["price_sats"]) == (9.5, 700)
    assert explain(org.new_outsider(), asset, action="see")["allowed"] is True


def test_insufficient_keys(org: Organization) -> None:
    """The explanation names a key that is bound to another organization, and a missing scope."""
    outsider = org.new_outsider()
    team = org.admin.create_team("open", visibility="public")["id"]
    asset = make_asset(org.server, org.admin, team_id=team)
    share(org, asset, outsider, "admin")
    assert codes(explain(outsider, asset, action="write")) == ["public", "key_bound_elsewhere"]
    assert explain(outsider, asset, action="write")["allowed"] is False
    assert explain(org.with_unbound_key(outsider), asset, action="write")["allowed"] is True
    narrow = org.new_user(scopes="assets:read")
    share(org, asset, narrow, "write")
    explained = explain(narrow, asset, action="write")
    assert (explained["allowed"], explained["role"]) == (False, "write")
    assert codes(explained) == ["public", "granted", "scope_missing"]
    assert explain(org.admin, asset, action="write", user_id=narrow.id)["allowed"] is True


@pytest.mark.parametrize("query", ["action=fly", "user_id=x", "action="])
def test_invalid_requests_are_rejected(org: Organization, query: str) -> None:
    """Unknown actions and invalid ids are 400."""
    asset = make_asset(org.server, org.admin)
    assert_exchange_error(org.admin.client.get(f"/assets/{asset}/explain?{query}"), 400, "invalid_request")
