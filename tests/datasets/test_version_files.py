"""Downloads of a version's Parquet files."""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from _support.organizations import Organization, new_organization
from _support.servers import Server


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def version(org: Organization) -> tuple[str, dict[str, Any]]:
    """The path and the manifest of a version of a private dataset."""
    rows = [{"id": number, "name": f"row {number}"} for number in range(2000)]
    body = {"dataset": {"name": "Rows", "visibility": "private", "rows": rows}}
    made = org.admin.call("POST", "/datasets/create/from-schema", json=body)
    path = f"/datasets/{made['id']}/versions/1"
    return path, org.admin.client.get(f"{path}/manifest").json()


def test_a_file_matches_the_manifest(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """A file has the hash and size of the manifest, and the hash as entity tag."""
    path, manifest = version
    (file,) = manifest["files"]
    answer = org.admin.client.get(f"{path}/files/{file['name']}")
    assert hashlib.sha3_512(answer.content).hexdigest() == file["sha3_512"]
    assert (len(answer.content), answer.headers["etag"]) == (file["size"], f'"{file["sha3_512"]}"')
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"


def test_parts_of_a_file(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """Range requests return exactly those bytes, 416 beyond the end, and 304 for known bytes."""
    path, manifest = version
    url = f"{path}/files/{manifest['files'][0]['name']}"
    whole = org.admin.client.get(url).content
    for requested, first, last in (("0-3", 0, 4), ("100-", 100, None), ("-4", -4, None), ("7-7", 7, 8)):
        part = org.admin.client.get(url, headers={"range": f"bytes={requested}"})
        assert (part.status_code, part.content) == (206, whole[first:last])
    assert org.admin.client.get(url, headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    etag = f'"{manifest["files"][0]["sha3_512"]}"'
    assert org.admin.client.get(url, headers={"if-none-match": etag}).status_code == 304


def test_unknown_files(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """Another name, version or dataset, a path out of the folder, and another person's private dataset are 404."""
    path, manifest = version
    name = manifest["files"][0]["name"]
    for wrong in (
        f"{path}/files/{uuid4().hex}.parquet",
        f"{path}/files/..%2F{name}",
        f"{path[:-1]}2/files/{name}",
        f"/datasets/{uuid4()}/versions/1/files/{name}",
    ):
        assert org.admin.client.get(wrong).status_code == 404, wrong
    assert org.new_outsider().client.get(f"{path}/files/{name}").status_code == 404
