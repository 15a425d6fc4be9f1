"""`hallmarket assets price` and `visibility` against a real server."""

import pytest

from _support.assets import make_asset
from _support.files import make_file


@pytest.fixture(scope="module")
def gallery(org):
    """The id of a public team; assets of an internal team cannot be sold."""
    return org.admin.create_team("gallery", visibility="public")["id"]


@pytest.mark.parametrize("kind", ["file", "dataset", "post"])
def test_a_price_puts_an_asset_up_for_sale(at_server, org, gallery, kind):
    """A price in either currency puts an asset of any type up for sale, and each price is changed separately."""
    fields = {"name": "The harbour", "visibility": "private", "team_id": gallery}
    asset = (
        make_file(org.admin, **fields)["id"] if kind == "file" else make_asset(org.server, org.admin, kind, **fields)
    )
    message = at_server.run("assets", "price", asset, "--usd", "12.50", "--sats", "20,000")
    assert message.stdout.splitlines() == [
        f"the {kind} The harbour ({asset})",
        "  price       $12.50 or 20,000 sats",
        "  visibility  monetized",
    ]
    shown = org.admin.call("GET", f"/assets/{asset}")
    assert (shown["price_usd"], shown["price_sats"], shown["monetization"]) == (12.5, 20000, "pay-to-unlock")
    output = at_server.json("assets", "price", asset, "--sats", "0", "--license", "CC-BY-4.0")
    assert (output["price_usd"], output["price_sats"], output["license_id"]) == (12.5, None, "CC-BY-4.0")


def test_a_sale_ends(at_server, org, gallery):
    """A free asset is public without a price; a private asset keeps its price and is shown as not for sale."""
    sold = {"visibility": "monetized", "price_usd": 3, "monetization": "pay-to-unlock"}
    asset = make_asset(org.server, org.admin, "post", team_id=gallery, **sold)
    message = at_server.run("assets", "visibility", asset, "private").stdout
    assert "$3.00, but it is not for sale" in message
    org.new_user().call("GET", f"/assets/{asset}", 404)
    assert at_server.json("assets", "visibility", asset, "monetized")["visibility"] == "monetized"
    output = at_server.json("assets", "price", asset, "--free")
    assert (output["visibility"], output["price_usd"], output["monetization"]) == ("public", None, "none")
    assert "it cannot be bought" in at_server.run("assets", "price", asset, "--monetize").stdout


def test_invalid_prices(at_server, org, refused):
    """An invalid price, a price together with --free, and a price for a comment are refused and change nothing."""
    asset = make_asset(org.server, org.admin, "post", visibility="private")
    assert "to the cent" in refused("assets", "price", asset, "--usd", "12.505", status=2)
    assert "--free and a price" in refused("assets", "price", asset, "--usd", "1", "--free", status=2)
    comment = make_asset(org.server, org.admin, "comment", parent_id=asset)
    assert "a comment" in refused("assets", "price", comment, "--usd", "1", status=1)
    assert org.admin.call("GET", f"/assets/{asset}")["price_usd"] is None


def test_a_team_that_sells(at_server, org, gallery, refused):
    """Assets of an internal team cannot be sold, which the error says; --team moves them."""
    asset = make_asset(org.server, org.admin, "post", visibility="private")
    assert "choose a public team" in refused("assets", "price", asset, "--usd", "1", status=1)
    output = at_server.json("assets", "price", asset, "--usd", "1", "--team", "gallery")
    assert (output["team_id"], output["visibility"]) == (gallery, "monetized")
    assert at_server.json("assets", "visibility", asset, "private")["visibility"] == "private"


@pytest.mark.usefixtures("at_server")
def test_only_administrators_set_a_price(org, gallery, home, refused):
    """The role write is not enough to change a price."""
    asset, other = (
        make_asset(org.server, org.admin, "post", visibility="private", team_id=gallery),
        org.new_user(),
    )
    org.admin.call(
        "PUT", f"/assets/{asset}/share", json={"permission": {"user": {"user_id": other.id}, "role": "write"}}
    )
    home.environment["HALLMARKET_API_KEY"] = other.member.key
    assert "403 FORBIDDEN" in refused("assets", "price", asset, "--usd", "1", status=1)
