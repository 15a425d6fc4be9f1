"""Schemathesis sends requests generated from the OpenAPI document: no 500, and no undocumented response."""

import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import requests
import schemathesis
from hypothesis import Phase, settings
from schemathesis.specs.openapi import checks

from _support.anchoring import random_hash
from _support.clients import get_token
from _support.files import make_file, upload_bytes
from _support.notifications import create_notifications
from _support.openapi import openapi_document
from _support.organizations import Organization, User, new_organization
from _support.purchases import buy, make_for_sale
from _support.servers import Server, new_server
from _support.waiting import wait_until
from hallmarket.server.http.openapi_examples import ID
from previews.samples import encode, noisy_image

UUID = re.compile(r"[0-9a-f-]{36}")
NOT_CHECKED = [
    # A JSON schema cannot express every rule: one of two fields, a time in the future, the id of a fitting resource.
    checks.positive_data_acceptance,
    # Unknown parameters and fields are ignored, as in both references.
    checks.negative_data_rejection,
    # It omits its own credential, but ours is sent with every request. test_every_route.py tests credentials.
    checks.ignored_auth,
]


def is_good(name: str, value: object) -> bool:
    """Return whether a generated value may be valid for its parameter."""
    return isinstance(value, str) and (not name.endswith("_id") or UUID.fullmatch(value) is not None)


def now_and_then(value: object) -> bool:
    """Return True for three values of four, always for the same ones."""
    return crc32(repr(value).encode()) % 4 != 0


schema = schemathesis.openapi.from_dict(openapi_document())


@schemathesis.serializer("application/x-ndjson", "text/plain")
def write_text(context: Any, value: Any) -> bytes:
    """Serialize a generated text body."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


class World:
    """An administrator of an organization, and new resources for the path parameters of every operation."""

    def __init__(self, server: Server, org: Organization) -> None:
        self.server = server
        self.org = org
        self.session = requests.Session()
        self.session.trust_env = False
        # The media dialect needs a key bound to an organization; an unbound one reaches more of the exchange dialect.
        self.headers = {
            "x-api-key": org.admin.member.key,
            "authorization": get_token(server, org.with_unbound_key(org.admin).member.key),
        }
        self._things: dict[str, dict[str, str]] = {}

    def aim(self, case: Any) -> None:
        """Put existing resources into three of four cases, and send them in the key's organization."""
        things = self._things_for(case.operation.label)
        body = case.body if isinstance(case.body, dict) else {}
        inside = [part for part in body.values() if isinstance(part, dict)]
        for place in (case.path_parameters, body, *inside):
            for name in things.keys() & place.keys():
                if is_good(name, place[name]) and (place[name] in (ID, "jane") or now_and_then(place[name])):
                    place[name] = things[name]
        for name in list(case.headers):
            # The first is nearly always rejected, the second nearly always used before; both have their own tests.
            if name.lower() == "x-ouro-org" or (name == "Idempotency-Key" and now_and_then(case.body)):
                del case.headers[name]

    def _things_for(self, label: str) -> dict[str, str]:
        if label not in self._things:
            self._things[label] = dict(self._make(label))
        return self._things[label]

    def _make(self, label: str) -> Iterator[tuple[str, str]]:
        # An earlier case may have set policies of the organization that prevent what is done below.
        self.server.query(
            "update organization set source_policy = 'any', actor_type_policy = 'any' where id = $1", self.org.id
        )
        self.server.query("update team set source_policy = null where organization_id = $1", self.org.id)
        admin = self.org.admin
        yield "organization_id", self.org.id
        yield "org_id", self.org.id
        yield "name", "page.js" if "/docs" in label else admin.call("GET", "/organizations/context")["name"]
        yield "path", "0/000.p/1"
        person = self.org.new_user()
        for name in ("user_id", "user", "username"):
            yield name, person.member.username if name == "username" else person.id
        if "{team_id}" in label:
            yield from self._make_team(label, admin, person)
        elif "{request_id}" in label:
            yield "request_id", self._ask_to_join(admin)
        if "{key_id}" in label:
            yield "key_id", admin.call("POST", "/user/api-keys", json={"name": "spare"})["id"]
        if "{notification_id}" in label:
            (told,) = create_notifications(
                self.server, admin.member, "follow", source=person.member, content={"text": "hello"}
            )
            yield "notification_id", told
        if "/files" in label or "/uploads" in label or "/downloads" in label or "{asset_id}" in label:
            yield from self._make_file(label, admin)
        if any(word in label for word in ("{post_id}", "/comments", "{comment_id}")):
            yield from self._write(admin)
        if "{licence_id}" in label:
            yield "licence_id", buy(self.server, person, make_for_sale(self.org.with_unbound_key(admin)))
        yield from self._make_media(label)

    def _make_media(self, label: str) -> Iterator[tuple[str, str]]:
        if "{media_" in label:
            fingerprint = random_hash()
            answer = self._anchor(fingerprint)
            yield "media_id", answer
            yield "media_hash", fingerprint
        if "{thumbnail_id}" in label:
            yield "thumbnail_id", self._upload(encode(noisy_image(40, 30), "PNG"))

    def _make_file(self, label: str, admin: User) -> Iterator[tuple[str, str]]:
        file = make_file(admin, b"hour,metres", "tide.csv")["id"]
        begun = admin.call("POST", "/files/upload-url", json={"file_name": "tide.csv"})
        sent = upload_bytes(admin, b"hour,metres")
        where = admin.call("POST", "/files/upload/complete", json={"upload_id": sent["upload_id"], "download": True})
        yield "file_id", file
        yield "asset_id", file
        yield "id", sent["id"] if "create" in label else file
        yield "upload_id", sent["upload_id"]
        addresses = {
            "PUT /uploads/{token}": begun["upload_url"],
            "GET /uploads/{token}": where["download_url"],
            "GET /downloads/{token}": admin.call("GET", f"/files/{file}/data")["url"],
        }
        yield "token", addresses.get(label, "").rpartition("/")[2]

    def _write(self, admin: User) -> Iterator[tuple[str, str]]:
        post = admin.call("POST", "/posts/create", json={"post": {}, "content": "a post"})["id"]
        comment = admin.call("POST", "/comments/create", json={"comment": {"parent_id": post}, "content": "a comment"})
        yield from (("post_id", post), ("asset_id", post), ("parent_id", post), ("comment_id", comment["id"]))

    def _make_team(self, label: str, admin: User, person: User) -> Iterator[tuple[str, str]]:
        team = admin.create_team(f"team-{len(self._things)}", join_policy="request")["id"]
        yield "team_id", team
        if "{request_id}" in label:
            person.call("POST", f"/teams/{team}/join")
            yield "request_id", admin.call("GET", f"/teams/{team}/join-requests")[0]["id"]
        elif "/bans/" in label:
            admin.call("POST", f"/teams/{team}/bans", json={"user_id": person.id})
        elif "{user_id}" in label:
            admin.call("POST", f"/teams/{team}/members", json={"user_id": person.id})

    def _ask_to_join(self, admin: User) -> str:
        where = f"/organizations/{self.org.id}"
        admin.call("PUT", where, json={"organization": {"visibility": "public", "join_policy": "request"}})
        self.org.with_unbound_key(self.org.new_outsider()).call("POST", f"{where}/join")
        return str(admin.call("GET", f"{where}/join-requests")[0]["id"])

    def _anchor(self, fingerprint: str) -> str:
        with self.server.client(self.org.admin.member.key) as client:
            return str(client.post("/v1/media/anchor", json={"hash": fingerprint, "size": 1}).json()["id"])

    def _upload(self, content: bytes) -> str:
        with self.server.client(self.org.admin.member.key) as client:
            assert client.post("/v1/media", files={"file": content}).status_code == 201
        return str(wait_until(lambda: self.server.query("select id from preview where state = 'made'"))[0]["id"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A separate server, because the generated requests change everything they can."""
    with new_server() as server, new_organization(server) as org:
        made = World(server, org)
        yield made
        made.session.close()


@schema.parametrize()
@settings(
    max_examples=5,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
def test_operation_answers_as_documented(case: Any, world: World) -> None:
    """Every generated request gets a documented status, content type and body, and never a server error."""
    world.aim(case)
    case.call_and_validate(
        base_url=world.server.url, session=world.session, headers=world.headers, excluded_checks=NOT_CHECKED
    )
