"""A version's files over HTTP: to the byte, in parts, and to nobody else."""

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
    """The path of a version of a private dataset, and its manifest."""
    rows = [{"id": number, "name": f"row {number}"} for number in range(2000)]
    wanted = {"dataset": {"name": "Rows", "visibility": "private", "rows": rows}}
    made = org.admin.call("POST", "/datasets/create/from-schema", json=wanted)
    path = f"/datasets/{made['id']}/versions/1"
    return path, org.admin.client.get(f"{path}/manifest").json()


def test_a_file_has_the_fingerprint_of_the_manifest(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """What is sent is what the manifest names: fingerprint, size, and the entity tag made of it."""
    path, manifest = version
    (file,) = manifest["files"]
    answer = org.admin.client.get(f"{path}/files/{file['name']}")
    assert hashlib.sha3_512(answer.content).hexdigest() == file["sha3_512"]
    assert (len(answer.content), answer.headers["etag"]) == (file["size"], f'"{file["sha3_512"]}"')
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"


def test_parts_of_a_file(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """A part is those bytes and no others; one behind the end is 416; the same bytes need not be sent again."""
    path, manifest = version
    where = f"{path}/files/{manifest['files'][0]['name']}"
    whole = org.admin.client.get(where).content
    for asked, first, last in (("0-3", 0, 4), ("100-", 100, None), ("-4", -4, None), ("7-7", 7, 8)):
        part = org.admin.client.get(where, headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, whole[first:last])
    assert org.admin.client.get(where, headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    etag = f'"{manifest["files"][0]["sha3_512"]}"'
    assert org.admin.client.get(where, headers={"if-none-match": etag}).status_code == 304


def test_files_that_are_not_there(org: Organization, version: tuple[str, dict[str, Any]]) -> None:
    """Another name, version or dataset, a way out of the folder, and another's private dataset are all 404."""
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
