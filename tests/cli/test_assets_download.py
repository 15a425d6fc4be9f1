"""`hallmarket assets download` against a real server."""

import os

import pytest

from circle import new_circle
from funds import credit
from making_datasets import make_dataset
from making_files import make_file


@pytest.fixture
def circle(server):
    """A new organization of the shared server, with an administrator."""
    with new_circle(server) as made:
        yield made


def test_what_is_bought_is_downloaded(circle, home, refused):
    """Before it is bought a file's bytes are not given; then they come as they were sent, under the file's name."""
    seller, buyer, content = circle.free(circle.boss), circle.stranger(), os.urandom(700_000)
    sold = {"visibility": "monetized", "monetization": "pay-to-unlock", "price_usd": 3}
    photo = make_file(seller, content, "harbour.jpg", **sold)["id"]
    credit(circle.server, buyer.id, 300)
    home.environment |= {"HALLMARKET_SERVER": circle.server.url, "HALLMARKET_API_KEY": buyer.member.key}
    assert f"hallmarket wallet buy {photo}" in refused("assets", "download", photo, status=1)
    assert not (home.folder / "harbour.jpg").exists()
    home.json("wallet", "buy", photo, "--yes")
    told = home.run("assets", "download", photo).stdout
    assert told == "harbour.jpg: 700.0 kB, with the fingerprint it is registered by\n"
    assert (home.folder / "harbour.jpg").read_bytes() == content
    answer = home.json("assets", "download", photo, "-o", "again.jpg")
    assert (answer["output"], answer["size"]) == ("again.jpg", 700_000)
    assert (home.folder / "again.jpg").read_bytes() == content


def test_what_is_no_file(circle, home, refused):
    """Of a dataset it says which command fetches it."""
    home.environment |= {"HALLMARKET_SERVER": circle.server.url, "HALLMARKET_API_KEY": circle.boss.member.key}
    dataset = make_dataset(circle.boss)["id"]
    assert f"hallmarket datasets pull {dataset}" in refused("assets", "download", dataset, status=1)
