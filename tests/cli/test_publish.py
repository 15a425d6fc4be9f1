"""`hallmarket publish` against a real server."""

import hashlib
import json
import os
from uuid import uuid4

import httpx
import pytest

from _support.scripted_server import scripted_server
from _support.waiting import wait_until


@pytest.fixture
def photo(write):
    """A file with unique content, and its bytes."""
    data = os.urandom(700_000)
    return write("photo.bin", data), data


def test_a_file_is_published_once(at_server, photo, org):
    """A file becomes an asset with its bytes, and is found again by its fingerprint under any name."""
    path, data = photo
    output = at_server.json("publish", "photo.bin", "--name", "The harbour", "--description", "At *dawn*.")
    (made,) = output["files"]
    assert (made["outcome"], made["type"]) == ("published", "file")
    assert made["hash"] == hashlib.sha3_512(data).hexdigest()
    asset = org.admin.call("GET", f"/files/{made['id']}")
    assert (asset["name"], asset["description"], asset["metadata"]["size"]) == ("The harbour", "At *dawn*.", len(data))
    address = org.admin.call("GET", f"/files/{made['id']}/data")["url"]
    assert httpx.get(address, trust_env=False).content == data
    path.rename(path.with_name("copy.bin"))
    again = at_server.run("publish", "copy.bin")
    assert again.stdout.startswith("copy.bin: is published already, as the file The harbour, ")
    assert made["id"] in again.stdout


def test_a_published_file_is_proved(at_server, photo):
    """The published address of the proof works, and the file is verified."""
    (made,) = at_server.json("publish", "photo.bin")["files"]
    wait_until(lambda: httpx.get(made["proof"], trust_env=False).status_code == 200)
    assert at_server.run("verify", "photo.bin").returncode == 0


def test_one_of_several_files_fails(at_server, write):
    """Every file has its outcome; a missing file makes the status 1 and does not stop the others."""
    write("a.bin", os.urandom(10))
    write("b.bin", b"")
    output = at_server.json("publish", "a.bin", "none.bin", "b.bin", status=1)
    assert [one["outcome"] for one in output["files"]] == ["published", "failed", "published"]
    assert output["files"][1]["error"]["code"] == "UNREADABLE"


def test_prices_and_teams(at_server, write, org):
    """Team, licence and prices are set on the asset; an asset with a price is for sale by default."""
    team = org.admin.create_team("for-sale", visibility="public")
    write("c.bin", os.urandom(10))
    place = ("--organization", org.id, "--team", "for-sale")
    (made,) = at_server.json(
        "publish", "c.bin", *place, "--price-usd", "12.50", "--price-sats", "3000", "--license", "CC-BY-4.0"
    )["files"]
    asset = org.admin.call("GET", f"/files/{made['id']}")
    assert (asset["team_id"], asset["visibility"], asset["monetization"]) == (team["id"], "monetized", "pay-to-unlock")
    assert (asset["price_usd"], asset["price_sats"], asset["license_id"]) == (12.5, 3000, "CC-BY-4.0")


def test_a_refusal_of_one_file(at_server, write):
    """What the server refuses is reported per file, with status 1."""
    write("d.bin", os.urandom(10))
    output = at_server.json("publish", "d.bin", "--license", "x" * 201, status=1)
    assert output["files"][0]["error"]["code"] == "INVALID_REQUEST"
    assert at_server.run("publish", "d.bin", "--team", "nobodys").returncode == 1


def test_a_lost_response_to_a_dataset(home, write):
    """After a lost response the new dataset is found, and it is not created twice."""
    write("rain.csv", b"id\n1\n")
    old, made, other = (str(uuid4()) for _ in range(3))

    def page(asset_id, name):
        asset = {"id": asset_id, "asset_type": "dataset", "name": name, "visibility": "private"}
        asset |= dict.fromkeys(("user_id", "org_id", "team_id"), other) | {"created_at": "", "last_updated": ""}
        return 200, {}, json.dumps({"data": [asset]}).encode()

    version = {"number": 1, "created_at": "", "rows": 1, "size_bytes": 1, "sha3_512": "ab", "status": 2}
    version |= {"delta_version": 1, "user_id": other}
    beginning = (
        (200, {}, b'{"access_token":"t","refresh_token":"t"}'),
        (200, {}, json.dumps({"data": {"id": other, "username": "jane"}}).encode()),
        (200, {}, b"log.example+00000000+key"),
        page(old, "rain"),
        (0, {}, b""),
    )
    home.environment |= {"HALLMARKET_API_KEY": "hm_key"}
    found = (*beginning, page(made, "rain"), (200, {}, json.dumps({"data": version}).encode()))
    with scripted_server(*found) as (url, bodies):
        output = home.json("publish", "rain.csv", "--server", url)
        assert (output["files"][0]["id"], len(bodies)) == (made, 7)
    write("rain.csv", b"id\n2\n")
    with scripted_server(*beginning, page(old, "rain")) as (url, _):
        assert home.json("publish", "rain.csv", "--server", url, status=3)["error"]["code"] == "UNREACHABLE"
