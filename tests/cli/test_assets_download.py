"""`hallmarket assets download` against a real server."""

import os

import pytest

from _support.datasets import make_dataset
from _support.files import make_file
from _support.organizations import new_organization
from _support.waiting import wait_until
from _support.wallets import credit


@pytest.fixture
def org(server):
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


def test_a_file_is_downloaded_after_its_purchase(org, home, refused):
    """A file cannot be downloaded before it is bought; then its bytes arrive under its own name."""
    seller, buyer, content = org.with_unbound_key(org.admin), org.new_outsider(), os.urandom(700_000)
    sold = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 3}
    photo = make_file(seller, content, "harbour.jpg", **sold)["id"]
    credit(org.server, buyer.id, 300)
    home.environment |= {"HALLMARKET_SERVER": org.server.url, "HALLMARKET_API_KEY": buyer.member.key}
    assert f"hallmarket wallet buy {photo}" in refused("assets", "download", photo, status=1)
    assert not (home.folder / "harbour.jpg").exists()
    home.json("wallet", "buy", photo, "--yes")
    message = home.run("assets", "download", photo).stdout
    assert message == "harbour.jpg: 700.0 kB, with its registered fingerprint\n"
    assert (home.folder / "harbour.jpg").read_bytes() == content
    output = home.json("assets", "download", photo, "-o", "again.jpg")
    assert (output["output"], output["size"]) == ("again.jpg", 700_000)
    assert (home.folder / "again.jpg").read_bytes() == content


def test_a_post_is_downloaded_as_its_licence_proves(org, home, refused):
    """A post is downloaded as markdown, with exactly the bytes that its licence commits to."""
    seller, buyer, text = org.with_unbound_key(org.admin), org.new_outsider(), "# Söderfors\n\nThe *harbour*.\n"
    post = {"name": "The harbour", "visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 3}
    article = seller.call("POST", "/posts/create", json={"post": post, "content": text})["id"]
    credit(org.server, buyer.id, 300)
    home.environment |= {"HALLMARKET_SERVER": org.server.url, "HALLMARKET_API_KEY": buyer.member.key}
    assert f"hallmarket wallet buy {article}" in refused("assets", "download", article, status=1)
    licence = home.json("wallet", "buy", article, "--yes")["licence_id"]
    assert (
        home.run("assets", "download", article).stdout == "The-harbour.md: 29 bytes, markdown as its author wrote it\n"
    )
    assert (home.folder / "The-harbour.md").read_bytes() == text.encode()
    wait_until(lambda: home.json("licences", "show", licence)["leaf_index"] is not None)
    home.run("licences", "proof", licence, "-o", "licence.json")
    proved = home.run("verify", "--proof", "licence.json", "The-harbour.md").stdout
    assert "this very file, 29 bytes" in proved
    seller.call("PUT", f"/posts/{article}", json={"content": "Nothing."})
    home.run("assets", "download", article, "-o", "changed.md")
    assert "NOT PROVED" in home.run("verify", "--proof", "licence.json", "changed.md").stdout


def test_a_dataset_is_not_downloaded(org, home, refused):
    """For a dataset the error names the command that downloads it."""
    home.environment |= {"HALLMARKET_SERVER": org.server.url, "HALLMARKET_API_KEY": org.admin.member.key}
    dataset = make_dataset(org.admin)["id"]
    assert f"hallmarket datasets pull {dataset}" in refused("assets", "download", dataset, status=1)
