"""`hallmarket assets price` and `visibility` against a real server."""

import pytest

from _support.assets import make_asset
from _support.files import make_file


@pytest.fixture(scope="module")
def gallery(org):
    """The id of a public team: in one that is internal nothing is sold."""
    return org.admin.create_team("gallery", visibility="public")["id"]


@pytest.mark.parametrize("kind", ["file", "dataset", "post"])
def test_a_price_puts_on_sale(at_server, org, gallery, kind):
    """A price, in either currency, makes an asset of any type one that is sold, and each is changed by itself."""
    said = {"name": "The harbour", "visibility": "private", "team_id": gallery}
    asset = make_file(org.admin, **said)["id"] if kind == "file" else make_asset(org.server, org.admin, kind, **said)
    told = at_server.run("assets", "price", asset, "--usd", "12.50", "--sats", "20,000")
    assert told.stdout.splitlines() == [
        f"the {kind} The harbour ({asset})",
        "  price       $12.50 or 20,000 sats",
        "  visibility  monetized",
    ]
    shown = org.admin.call("GET", f"/assets/{asset}")
    assert (shown["price_usd"], shown["price_sats"], shown["monetization"]) == (12.5, 20000, "pay-to-unlock")
    facts = at_server.json("assets", "price", asset, "--sats", "0", "--license", "CC-BY-4.0")
    assert (facts["price_usd"], facts["price_sats"], facts["license_id"]) == (12.5, None, "CC-BY-4.0")


def test_a_sale_ends(at_server, org, gallery):
    """What is free is everybody's and has no price; what is private again keeps its price, and says it is not sold."""
    sold = {"visibility": "monetized", "price_usd": 3, "monetization": "pay-to-unlock"}
    asset = make_asset(org.server, org.admin, "post", team_id=gallery, **sold)
    told = at_server.run("assets", "visibility", asset, "private").stdout
    assert "$3.00, but it is not for sale" in told
    org.new_user().call("GET", f"/assets/{asset}", 404)
    assert at_server.json("assets", "visibility", asset, "monetized")["visibility"] == "monetized"
    facts = at_server.json("assets", "price", asset, "--free")
    assert (facts["visibility"], facts["price_usd"], facts["monetization"]) == ("public", None, "none")
    assert "it cannot be bought" in at_server.run("assets", "price", asset, "--monetize").stdout


def test_what_cannot_be_priced(at_server, org, refused):
    """A price that is none, a price beside --free, and a comment are refused, each saying why; nothing changes."""
    asset = make_asset(org.server, org.admin, "post", visibility="private")
    assert "to the cent" in refused("assets", "price", asset, "--usd", "12.505", status=2)
    assert "--free and a price" in refused("assets", "price", asset, "--usd", "1", "--free", status=2)
    comment = make_asset(org.server, org.admin, "comment", parent_id=asset)
    assert "a comment" in refused("assets", "price", comment, "--usd", "1", status=1)
    assert org.admin.call("GET", f"/assets/{asset}")["price_usd"] is None


def test_a_team_to_be_sold_in(at_server, org, gallery, refused):
    """In an internal team nothing is sold, which is told; --team moves it where it can be."""
    asset = make_asset(org.server, org.admin, "post", visibility="private")
    assert "choose a public team" in refused("assets", "price", asset, "--usd", "1", status=1)
    facts = at_server.json("assets", "price", asset, "--usd", "1", "--team", "gallery")
    assert (facts["team_id"], facts["visibility"]) == (gallery, "monetized")
    assert at_server.json("assets", "visibility", asset, "private")["visibility"] == "private"


@pytest.mark.usefixtures("at_server")
def test_only_administrators_set_a_price(org, gallery, home, refused):
    """Who may write and not more changes no price."""
    asset, other = (
        make_asset(org.server, org.admin, "post", visibility="private", team_id=gallery),
        org.new_user(),
    )
    org.admin.call(
        "PUT", f"/assets/{asset}/share", json={"permission": {"user": {"user_id": other.id}, "role": "write"}}
    )
    home.environment["HALLMARKET_API_KEY"] = other.member.key
    assert "403 FORBIDDEN" in refused("assets", "price", asset, "--usd", "1", status=1)
