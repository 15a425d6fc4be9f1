"""Every route with an asset in its path, requested for assets for sale: before the purchase and after.

The routes come from the OpenAPI document, so a new route is tested without a change here.
"""

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

# Routes that everyone may request because they return a listing. Every other route must be locked.
LISTING_ROUTES = {
    "GET /assets/{asset_id}": "its fields and prices",
    "GET /assets/{asset_id}/type": "one of its fields",
    "GET /assets/{asset_id}/children": "the listings of its children",
    "GET /assets/{asset_id}/counts": "how often it was viewed and downloaded",
    "GET /assets/{asset_id}/explain": "which role reading it requires",
    "GET /assets/{asset_id}/connections": "what refers to it; what it refers to is part of its content",
    "GET /assets/{asset_id}/lineage": "listings of its sources",
    "GET /assets/{asset_id}/tags": "searches find it by them",
    "GET /assets/{asset_id}/actions": "empty",
    "GET /assets/{asset_id}/properties": "empty",
    "GET /assets/{asset_id}/compatible-routes": "empty",
    "POST /assets/{asset_id}/view": "viewing a listing is a view",
    "GET /files/{file_id}": "its fields and prices",
    "GET /files/{file_id}/metadata": "one of its fields",
    "GET /datasets/{dataset_id}": "its fields and prices",
    "GET /datasets/{dataset_id}/schema": "its columns",
    "GET /datasets/{dataset_id}/stats": "its size",
    "GET /datasets/{dataset_id}/indexes": "which of its columns are indexed",
    "GET /posts/{post_id}": "its fields and prices",
    "GET /comments/{comment_id}": "that there is a comment",
}
ASSET_PARAMETERS = ("asset_id", "file_id", "dataset_id", "post_id", "comment_id")
SECRET = "Lorelei"  # in the content of everything for sale, and in no listing


class Shop:
    """Assets for sale of each type, by the names of path parameters, with a secret in their content."""

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
        body = {"comment": {"parent_id": self.post}, "content": SECRET}
        comment = admin.call("POST", "/comments/create", json=body)["id"]
        view = {"name": SECRET, "sql_query": f"select '{SECRET}' as it from {{{{table}}}}"}
        versions = f"/datasets/{self.dataset}/versions/1"
        self.files = [file["name"] for file in admin.client.get(f"{versions}/manifest").json()["files"]]
        wait_until(lambda: admin.client.get(f"{versions}/proof").status_code == 200)
        (tag,) = admin.call("PUT", f"/assets/{self.post}/tags", json={"tags": ["songs"]})
        self.parameters = {
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
        """Return the operation's path for each asset that it can be about."""
        assets = self.sold if "{asset_id}" in operation.path else ("",)
        return [
            re.sub(
                r"\{(\w+)\}",
                lambda found, values=self.parameters | {"asset_id": asset}: values[found[1]],
                operation.path,
            )
            for asset in assets
        ]


@pytest.fixture(scope="module")
def org(server: Server) -> Any:
    """The seller's organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def shop(org: Organization) -> Shop:
    """Assets for sale."""
    return Shop(org)


@pytest.fixture(scope="module")
def operations(server: Server) -> list[Operation]:
    """Every operation with an asset in its path."""
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    return [
        operation
        for operation in list_operations(document)
        if any(f"{{{name}}}" in operation.path for name in ASSET_PARAMETERS)
    ]


def send(who: User, operation: Operation, path: str) -> httpx.Response:
    """Send a valid request of an operation."""
    body_options: dict[str, Any] = {}
    if body := operation.description.get("requestBody"):
        content_type, content = next(iter(body["content"].items()))
        example = content["example"]
        body_options = {"headers": {"content-type": content_type}}
        body_options |= {"content": example} if isinstance(example, str) else {"json": example}
    parameters = [item for item in operation.description.get("parameters", ()) if item.get("in") == "query"]
    query = {item["name"]: item["example"] for item in parameters if item.get("required")}
    return who.client.request(operation.method, path, params=query, **body_options)


def is_reading(operation: Operation) -> bool:
    """Whether the operation requires only the right to read."""
    return str(operation.scope).endswith(":read")


def test_outsiders_see_listings_only(shop: Shop, operations: list[Operation]) -> None:
    """Every route but the listings is 403 `locked` and says how to unlock it. No response contains the secret."""
    assert {str(operation) for operation in operations} >= set(LISTING_ROUTES)
    outsider = shop.org.new_outsider()
    failures = []
    for operation in operations:
        for path in shop.paths(operation):
            response = send(outsider, operation, path)
            assert SECRET.encode() not in response.content, (operation, path)
            assert not any(name in response.text.replace(path, "") for name in shop.files), (operation, path)
            if str(operation) in LISTING_ROUTES:
                assert response.status_code == 200, (operation, response.text)
                continue
            if response.status_code != 403:
                failures.append(f"{operation} {path}: {response.status_code} {response.text[:200]}")
                continue
            message = assert_exchange_error(response, 403, "locked")["message"]
            assert "Unlock" in message, operation
            assert "$12.00 or 2,000 sats (POST /elements/common/purchase-asset)" in message, operation
    assert not failures, "\n".join(failures)


def test_lists_contain_listings_only(server: Server, shop: Shop) -> None:
    """Routes without an id in their path do not show the content, and a search for it finds nothing."""
    outsider = shop.org.new_outsider()
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    for operation in list_operations(document):
        if operation.method == "GET" and "{" not in operation.path and not operation.is_media:
            assert SECRET not in send(outsider, operation, operation.path).text, operation
    hits = outsider.call("GET", "/search/assets", params={"filters": f'{{"user_id": "{shop.org.admin.id}"}}'})
    assert {hit["id"] for hit in hits} >= set(shop.sold)
    assert all((hit["preview"], hit["role"], hit["visibility"]) == (None, None, "monetized") for hit in hits)
    assert outsider.call("GET", "/search/assets", params={"query": SECRET}) == []


def test_request_bodies_cannot_use_an_asset_that_was_not_bought(shop: Shop) -> None:
    """An asset that a request's body names as parent, source or file must be bought, too."""
    outsider = shop.org.with_unbound_key(shop.org.new_outsider())
    new = {"name": "mine", "source_id": shop.file}
    upload = outsider.call(
        "POST", "/files/upload", json={"file_name": "a", "file_base64": base64.b64encode(b"a").decode()}
    )
    for path, body in (
        ("/comments/create", {"comment": {"parent_id": shop.file}, "content": "a"}),
        ("/datasets/create/from-file", {"file_id": shop.file, "dataset": {"name": "mine"}}),
        ("/posts/create", {"post": new, "content": "a"}),
        ("/files/create", {"file": new | {"id": upload["id"]}}),
        ("/datasets/create/from-schema", {"dataset": new | {"rows": [{"a": 1}]}}),
    ):
        assert "Unlock" in assert_exchange_error(outsider.client.post(path, json=body), 403, "locked")["message"], path


def test_signed_urls_have_the_rights_of_their_creators(shop: Shop) -> None:
    """A signed URL stops working when its asset is for sale, until the person who created the URL buys the asset."""
    admin, outsider = shop.org.admin, shop.org.new_outsider()
    team = admin.call("GET", f"/assets/{shop.file}")["team_id"]
    file = make_file(admin, SECRET.encode(), visibility="public", team_id=team)["id"]
    data = outsider.call("GET", f"/files/{file}/data")["url"]
    download = outsider.call("POST", f"/assets/{file}/download-url", json={})["download_url"]
    admin.call("PUT", f"/files/{file}", json={"file": {"visibility": "monetized", "price_usd": 1}})
    for url in (data, download):
        assert "Unlock" in assert_exchange_error(httpx.get(url, trust_env=False), 403, "locked")["message"]
    licence = buy(shop.org.server, outsider, file)
    for url in (data, download):
        assert httpx.get(url, trust_env=False).content == SECRET.encode()
    assert request_refund(admin, licence).status_code == 200
    for url in (data, download):
        assert httpx.get(url, trust_env=False).status_code == 403


def test_buyers_can_read_everything(server: Server, shop: Shop, operations: list[Operation]) -> None:
    """Buyers can read everything with any key, also when the asset becomes private, and can change nothing."""
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
                responses = [send(buyer, operation, path) for buyer in buyers]
                if is_reading(operation):
                    assert {response.status_code for response in responses} == {200}, (operation, responses[0].text)
                    seen |= {str(operation) for response in responses if SECRET.encode() in response.content}
                else:
                    assert {response.status_code for response in responses} == {403}, (operation, responses[0].text)
                    assert "Unlock" not in responses[0].text
    # These routes do contain the secret, so the tests above are meaningful.
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


def test_children_are_unlocked_with_their_parent(shop: Shop) -> None:
    """A child that inherits is unlocked by buying its parent, which the error names."""
    admin, outsider = shop.org.admin, shop.org.new_outsider()
    child = make_asset(shop.org.server, admin, "post", parent_id=shop.file, price_usd=3)
    admin.call("PUT", f"/files/{shop.file}", json={"file": {"visibility": "monetized"}})
    error = assert_exchange_error(outsider.client.get(f"/assets/{child}/comments"), 403, "locked")
    assert error["details"] == {"assetId": shop.file}
    assert error["message"] == (
        f"Unlock the file {shop.file}, which this post belongs to, to see what is in it: it costs $12.00 or 2,000 sats"
        " (POST /elements/common/purchase-asset)."
    )
    assert outsider.call("GET", f"/assets/{child}/explain")["price_usd"] == 12
    buy(shop.org.server, outsider, shop.file)
    assert outsider.call("GET", f"/assets/{child}/comments") == []


def test_references_from_content_for_sale_are_hidden(shop: Shop) -> None:
    """Neither a post for sale nor the asset that it embeds shows the connection before the post is bought."""
    admin, outsider = shop.org.admin, shop.org.new_outsider()
    team = admin.call("GET", f"/assets/{shop.file}")["team_id"]
    shown = make_asset(shop.org.server, admin, visibility="public", team_id=team)
    component = {"type": "assetComponent", "attrs": {"id": shown, "assetType": "file", "viewMode": "card"}}
    sold = {"post": {"visibility": "monetized", "team_id": team, "price_usd": 2}}
    content = {"json": {"type": "doc", "content": [component]}}
    post = admin.call("POST", "/posts/create", json=sold | {"content": content})["id"]

    def connections(who: User) -> set[str]:
        pages = [who.call("GET", f"/assets/{asset}/connections") for asset in (post, shown)]
        return {f"{item['source_id']} {item['type']} {item['target_id']}" for page in pages for item in page}

    assert connections(admin) == {f"{post} component {shown}"}
    assert connections(outsider) == set()
    buy(shop.org.server, outsider, post)
    assert connections(outsider) == connections(admin)
