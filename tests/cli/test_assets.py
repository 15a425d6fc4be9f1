"""`hallmarket assets` against a real server."""

import uuid

import pytest

from _support.assets import make_asset

NOBODY = str(uuid.UUID(int=0))


def test_share_and_who(at_server, org):
    """A role is shown, to people and as JSON, until it is removed."""
    asset = make_asset(org.server, org.admin, name="The harbour", visibility="private")
    other = org.new_user()
    result = at_server.run("assets", "share", asset, other.member.username, "write")
    assert result.stdout == f"{other.member.username} now has the role write on {asset}\n"
    assert other.call("GET", f"/assets/{asset}")["role"] == "write"
    lines = at_server.run("assets", "who", asset).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["admin", org.admin.member.username],
        ["write", other.member.username],
    ]
    output = at_server.json("assets", "share", asset, other.id, "none")
    assert (output["user_id"], output["role"]) == (other.id, "none")
    permissions = at_server.json("assets", "who", asset)["permissions"]
    assert [one["user_id"] for one in permissions] == [org.admin.id]
    other.call("GET", f"/assets/{asset}", 404)


def test_delete(at_server, org):
    """A dry run deletes nothing; a deletion asks first, and deletes the children only with --children."""
    parent = make_asset(org.server, org.admin, "post", name="A post")
    child = make_asset(org.server, org.admin, name="inside", parent_id=parent)
    dry = at_server.json("assets", "delete", parent, "--children", "--dry-run")
    assert (dry["dry_run"], [one["id"] for one in dry["deleted_children"]]) == (True, [child])
    refused = at_server.run("assets", "delete", parent)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert org.admin.call("GET", f"/assets/{parent}")["name"] == "A post"
    result = at_server.run("assets", "delete", parent, "--children", "--yes")
    assert result.stdout.splitlines() == [
        f"deleted the post A post ({parent}) with 1 asset in it",
        f"  and the file inside ({child})",
    ]
    for gone in (parent, child):
        org.admin.call("GET", f"/assets/{gone}", 404)


@pytest.mark.parametrize("verb", ["share", "who", "delete"])
def test_an_unknown_asset(at_server, verb, refused):
    """An unknown asset is reported in one line, with status 1."""
    more = {"share": ["admin", "read"], "who": [], "delete": ["--yes"]}[verb]
    assert "404 NOT_FOUND" in refused("assets", verb, uuid.uuid4(), *more, status=1)


def test_a_rejected_key(at_server, refused):
    """A key that the server does not know is reported in one line, with status 3."""
    assert "rejects the API key" in refused("assets", "who", NOBODY, "--api-key", "hm_wrong", status=3)
