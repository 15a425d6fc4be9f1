"""Every route that says anything of an asset, asked about what is for sale: before it is bought, and after. Derived."""

import base64
import re
from typing import Any

import httpx
import pytest

from _support.assets import make_asset
from _support.datasets import make_dataset
from _support.files import make_file
from _support.openapi import Operation, list_operations
from _support.organizations import Organization, User, new_organization
from _support.purchases import buy, request_refund
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.waiting import wait_until

# What a listing is: everybody may ask for it. A new route about assets is locked, or is to be justified here.
LISTING = {
    "GET /assets/{asset_id}": "its fields and prices",
    "GET /assets/{asset_id}/type": "one of its fields",
    "GET /assets/{asset_id}/children": "the listings of what stands in it",
    "GET /assets/{asset_id}/counts": "how often it was sought",
    "GET /assets/{asset_id}/explain": "what it takes to read it",
    "GET /assets/{asset_id}/connections": "what refers to it; what it refers to stands in it",
    "GET /assets/{asset_id}/lineage": "listings of what it comes from",
    "GET /assets/{asset_id}/tags": "it is found by them",
    "GET /assets/{asset_id}/actions": "empty",
    "GET /assets/{asset_id}/properties": "empty",
    "GET /assets/{asset_id}/compatible-routes": "empty",
    "POST /assets/{asset_id}/view": "looking at a listing is a view",
    "GET /files/{file_id}": "its fields and prices",
    "GET /files/{file_id}/metadata": "one of its fields",
    "GET /datasets/{dataset_id}": "its fields and prices",
    "GET /datasets/{dataset_id}/schema": "its columns",
    "GET /datasets/{dataset_id}/stats": "how much there is of it",
    "GET /datasets/{dataset_id}/indexes": "which of its columns are looked up",
    "GET /posts/{post_id}": "its fields and prices",
    "GET /comments/{comment_id}": "that somebody said something",
}
ASSETS = ("asset_id", "file_id", "dataset_id", "post_id", "comment_id")
SECRET = "Lorelei"  # in all that is for sale, and in nothing that is said of it


class Shop:
    """Things for sale, of each type, by the names that paths have for them; and what their content holds."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        admin = org.admin
        team = admin.create_team("shop", visibility="public")["id"]
        sold = {"visibility": "monetized", "team_id": team, "price_usd": 12, "price_sats": 2000}
        rows = [{"id": 1, "day": "2026-01-01", "city": SECRET}, {"id": 2, "day": "2026-01-02", "city": None}]
        self.dataset = make_dataset(admin, rows, **sold)["id"]
        self.file = make_file(admin, SECRET.encode() * 9, **sold)["id"]
        post = {"name": "A post", **sold}
        self.post = admin.call("POST", "/posts/create", json={"post": post, "content": f"*{SECRET}*"})["id"]
        said = {"comment": {"parent_id": self.post}, "content": SECRET}
        comment = admin.call("POST", "/comments/create", json=said)["id"]
        view = {"name": SECRET, "sql_query": f"select '{SECRET}' as it from {{{{table}}}}"}
        versions = f"/datasets/{self.dataset}/versions/1"
        self.files = [file["name"] for file in admin.client.get(f"{versions}/manifest").json()["files"]]
        wait_until(lambda: admin.client.get(f"{versions}/proof").status_code == 200)
        (tag,) = admin.call("PUT", f"/assets/{self.post}/tags", json={"tags": ["songs"]})
        self.named = {
            "file_id": self.file,
            "dataset_id": self.dataset,
            "post_id": self.post,
            "comment_id": comment,
            "tag_id": tag["tag_id"],
            "view_id": admin.call("POST", f"/datasets/{self.dataset}/visualizations", json=view)["id"],
            "index": admin.call("POST", f"/datasets/{self.dataset}/indexes", json={"columns": ["day"]})["name"],
            "column": "day",
            "number": "1",
            "name": self.files[0],
        }
        self.sold = (self.dataset, self.file, self.post)

    def paths(self, operation: Operation) -> list[str]:
        """The operation's path about each thing that it can be about."""
        abouts = self.sold if "{asset_id}" in operation.path else ("",)
        return [
            re.sub(r"\{(\w+)\}", lambda found, known=self.named | {"asset_id": about}: known[found[1]], operation.path)
            for about in abouts
        ]


@pytest.fixture(scope="module")
def org(server: Server) -> Any:
    """The sellers' organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def shop(org: Organization) -> Shop:
    """Things for sale."""
    return Shop(org)


@pytest.fixture(scope="module")
def operations(server: Server) -> list[Operation]:
    """Every operation whose path names an asset."""
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    return [each for each in list_operations(document) if any(f"{{{name}}}" in each.path for name in ASSETS)]


def send(who: User, operation: Operation, path: str) -> httpx.Response:
    """An operation, well formed."""
    sent: dict[str, Any] = {}
    if body := operation.description.get("requestBody"):
        kind, told = next(iter(body["content"].items()))
        example = told["example"]
        sent = {"headers": {"content-type": kind}}
        sent |= {"content": example} if isinstance(example, str) else {"json": example}
    needed = [each for each in operation.description.get("parameters", ()) if each.get("in") == "query"]
    query = {each["name"]: each["example"] for each in needed if each.get("required")}
    return who.client.request(operation.method, path, params=query, **sent)


def is_reading(operation: Operation) -> bool:
    """Whether whoever may read an asset may do it."""
    return str(operation.scope).endswith(":read")


def test_strangers_see_listings_and_no_more(shop: Shop, operations: list[Operation]) -> None:
    """Whatever is no listing is 403 `locked` and says how to unlock it; nothing of the content is in any answer."""
    assert {str(each) for each in operations} >= set(LISTING)
    stranger = shop.org.new_outsider()
    wrong = []
    for operation in operations:
        for path in shop.paths(operation):
            answer = send(stranger, operation, path)
            assert SECRET.encode() not in answer.content, (operation, path)
            assert not any(name in answer.text.replace(path, "") for name in shop.files), (operation, path)
            if str(operation) in LISTING:
                assert answer.status_code == 200, (operation, answer.text)
                continue
            if answer.status_code != 403:
                wrong.append(f"{operation} {path}: {answer.status_code} {answer.text[:200]}")
                continue
            message = assert_exchange_error(answer, 403, "locked")["message"]
            assert "Unlock" in message, operation
            assert "$12.00 or 2,000 sats (POST /elements/common/purchase-asset)" in message, operation
    assert not wrong, "\n".join(wrong)


def test_lists_hold_listings_and_no_more(server: Server, shop: Shop) -> None:
    """What takes no id shows nothing of the content either, nor does a search for it find anything."""
    stranger = shop.org.new_outsider()
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    for operation in list_operations(document):
        if operation.method == "GET" and "{" not in operation.path and not operation.is_media:
            assert SECRET not in send(stranger, operation, operation.path).text, operation
    hits = stranger.call("GET", "/search/assets", params={"filters": f'{{"user_id": "{shop.org.admin.id}"}}'})
    assert {hit["id"] for hit in hits} >= set(shop.sold)
    assert all((hit["preview"], hit["role"], hit["visibility"]) == (None, None, "monetized") for hit in hits)
    assert stranger.call("GET", "/search/assets", params={"query": SECRET}) == []


def test_what_is_for_sale_is_used_by_nobody_who_did_not_buy_it(shop: Shop) -> None:
    """What requests name in their bodies must be unlocked as well: what they comment on, go on from, read rows of."""
    stranger = shop.org.with_unbound_key(shop.org.new_outsider())
    new = {"name": "mine", "source_id": shop.file}
    sent = stranger.call(
        "POST", "/files/upload", json={"file_name": "a", "file_base64": base64.b64encode(b"a").decode()}
    )
    for path, body in (
        ("/comments/create", {"comment": {"parent_id": shop.file}, "content": "a"}),
        ("/datasets/create/from-file", {"file_id": shop.file, "dataset": {"name": "mine"}}),
        ("/posts/create", {"post": new, "content": "a"}),
        ("/files/create", {"file": new | {"id": sent["id"]}}),
        ("/datasets/create/from-schema", {"dataset": new | {"rows": [{"a": 1}]}}),
    ):
        assert "Unlock" in assert_exchange_error(stranger.client.post(path, json=body), 403, "locked")["message"], path


def test_addresses_give_what_their_makers_may_read(shop: Shop) -> None:
    """An address made before something was for sale opens it no more, until whoever made it has bought it."""
    admin, stranger = shop.org.admin, shop.org.new_outsider()
    team = admin.call("GET", f"/assets/{shop.file}")["team_id"]
    file = make_file(admin, SECRET.encode(), visibility="public", team_id=team)["id"]
    data = stranger.call("GET", f"/files/{file}/data")["url"]
    download = stranger.call("POST", f"/assets/{file}/download-url", json={})["download_url"]
    admin.call("PUT", f"/files/{file}", json={"file": {"visibility": "monetized", "price_usd": 1}})
    for address in (data, download):
        assert "Unlock" in assert_exchange_error(httpx.get(address, trust_env=False), 403, "locked")["message"]
    licence = buy(shop.org.server, stranger, file)
    for address in (data, download):
        assert httpx.get(address, trust_env=False).content == SECRET.encode()
    assert request_refund(admin, licence).status_code == 200
    for address in (data, download):
        assert httpx.get(address, trust_env=False).status_code == 403


def test_what_was_bought_is_open(server: Server, shop: Shop, operations: list[Operation]) -> None:
    """Buyers read everything, by a key bound elsewhere as well, also once it is private; they change nothing of it."""
    bound = shop.org.new_outsider()
    buyers = [bound, shop.org.with_unbound_key(bound)]
    for asset in shop.sold:
        buy(shop.org.server, bound, asset)
    seen = set()
    for visibility in ("private", "monetized"):
        for asset, kind in zip(shop.sold, ("dataset", "file", "post"), strict=True):
            shop.org.admin.call("PUT", f"/{kind}s/{asset}", json={kind: {"visibility": visibility}})
        for operation in operations:
            for path in shop.paths(operation):
                answers = [send(buyer, operation, path) for buyer in buyers]
                if is_reading(operation):
                    assert {answer.status_code for answer in answers} == {200}, (operation, answers[0].text)
                    seen |= {str(operation) for answer in answers if SECRET.encode() in answer.content}
                else:
                    assert {answer.status_code for answer in answers} == {403}, (operation, answers[0].text)
                    assert "Unlock" not in answers[0].text
    # The content was really there to be kept from strangers.
    assert seen >= {
        "GET /assets/{asset_id}",
        "GET /assets/{asset_id}/comments",
        "POST /assets/{asset_id}/download",
        "GET /comments/{comment_id}",
        "GET /datasets/{dataset_id}",
        "GET /datasets/{dataset_id}/data",
        "GET /datasets/{dataset_id}/export",
        "GET /datasets/{dataset_id}/versions/{number}/files/{name}",
        "GET /datasets/{dataset_id}/visualizations",
        "GET /posts/{post_id}",
    }


def test_what_stands_in_it_is_unlocked_with_it(shop: Shop) -> None:
    """What inherits is unlocked by buying what it stands in, which the refusal names."""
    admin, stranger = shop.org.admin, shop.org.new_outsider()
    child = make_asset(shop.org.server, admin, "post", parent_id=shop.file, price_usd=3)
    admin.call("PUT", f"/files/{shop.file}", json={"file": {"visibility": "monetized"}})
    refused = assert_exchange_error(stranger.client.get(f"/assets/{child}/comments"), 403, "locked")
    assert refused["details"] == {"assetId": shop.file}
    assert refused["message"] == (
        f"Unlock the file {shop.file}, which this post belongs to, to see what is in it: it costs $12.00 or 2,000 sats"
        " (POST /elements/common/purchase-asset)."
    )
    assert stranger.call("GET", f"/assets/{child}/explain")["price_usd"] == 12
    buy(shop.org.server, stranger, shop.file)
    assert stranger.call("GET", f"/assets/{child}/comments") == []


def test_what_it_refers_to_is_kept_with_its_content(shop: Shop) -> None:
    """That a post for sale shows an asset is told neither by the post nor by the asset, until the post is bought."""
    admin, stranger = shop.org.admin, shop.org.new_outsider()
    team = admin.call("GET", f"/assets/{shop.file}")["team_id"]
    shown = make_asset(shop.org.server, admin, visibility="public", team_id=team)
    component = {"type": "assetComponent", "attrs": {"id": shown, "assetType": "file", "viewMode": "card"}}
    sold = {"post": {"visibility": "monetized", "team_id": team, "price_usd": 2}}
    content = {"json": {"type": "doc", "content": [component]}}
    post = admin.call("POST", "/posts/create", json=sold | {"content": content})["id"]

    def told(who: User) -> set[str]:
        pages = [who.call("GET", f"/assets/{asset}/connections") for asset in (post, shown)]
        return {f"{each['source_id']} {each['type']} {each['target_id']}" for page in pages for each in page}

    assert told(admin) == {f"{post} component {shown}"}
    assert told(stranger) == set()
    buy(shop.org.server, stranger, post)
    assert told(stranger) == told(admin)
