"""The bindings: one method an endpoint."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec

from hallmarket.client.batch import send_batch
from hallmarket.client.transport import Transport, Waiting, read_error
from hallmarket.client.types import (
    Anchored,
    AnchorRequest,
    BatchResult,
    MediaItem,
    Page,
    PublicMedia,
    Readiness,
    User,
)
from hallmarket.proof.bundle import Bundle


class Hallmarket:
    """A server, spoken to synchronously; use as a context manager or close it.

    Every method raises HallmarketError for what the server refuses and ServerUnreachable where it does not answer,
    after up to `retry_s` seconds of trying again.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retry_s: float = 60.0,
        on_wait: Waiting | None = None,
    ) -> None:
        self.transport = Transport(base_url, api_key, timeout_s, retry_s, on_wait)
        self.url = self.transport.base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.transport.close()

    def users(self, page: int = 1, limit: int = 10) -> Page[User]:
        """List the members of the caller's organization."""
        found: Page[User] = self._get(Page[User], "/v1/users", page=page, limit=limit)
        return found

    def media(
        self,
        page: int | None = None,
        limit: int = 10,
        cursor: str | None = None,
        *,
        status: int | None = None,
        name: str | None = None,
        created_from: str | None = None,
        created_to: str | None = None,
    ) -> Page[MediaItem]:
        """List the organization's items, newest first; `cursor` goes on where an earlier page ended.

        `name` filters for a part of the name whatever the case; `created_from` is inclusive, `created_to` is not.
        """
        found: Page[MediaItem] = self._get(
            Page[MediaItem],
            "/v1/media",
            page=page,
            limit=limit,
            cursor=cursor,
            status=status,
            name=name,
            createdFrom=created_from,
            createdTo=created_to,
        )
        return found

    def iterate_media(self, limit: int = 100, **filters: Any) -> Iterator[MediaItem]:
        """Yield every item the filters of `media` leave, newest first, a page at a time."""
        page = self.media(limit=limit, **filters)
        yield from page.items
        while page.next_cursor:
            page = self.media(limit=limit, cursor=page.next_cursor, **filters)
            yield from page.items

    def media_item(self, media_id: str) -> MediaItem:
        """Get one item of the organization by its id."""
        item: MediaItem = self._get(MediaItem, f"/v1/media/{quote(media_id, safe='')}")
        return item

    def anchor(self, request: AnchorRequest, idempotency_key: str | None = None) -> Anchored:
        """Anchor one hash; a hash this organization registered before is `known`, anyone else's raises DUPLICATE."""
        headers = {"content-type": "application/json"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        body = msgspec.json.encode(request)
        response = self.transport.request(
            "POST", "/v1/media/anchor", content=body, headers=headers, accept=(200, 201, 409)
        )
        if response.status_code != 409:
            return self.transport.decode(Anchored, response.content)  # type: ignore[no-any-return]
        error = read_error(response)
        own_id = (error.details or {}).get("id")
        # A 409 about an id of ours may also say that it stands for another hash.
        if own_id and (request.id is None or self.media_item(own_id).hash == request.hash):
            return Anchored(own_id, known=True)
        raise error

    def anchor_batch(self, requests: Iterable[AnchorRequest]) -> Iterator[BatchResult]:
        """Anchor any number of hashes; yields one result a request, in order, as the answers come."""
        return send_batch(self.transport, requests)

    def lookup(self, sha3_512: str) -> PublicMedia:
        """Get what is public of an anchored hash; raises NOT_FOUND where it is unknown or not anchored yet."""
        found: PublicMedia = self._get(PublicMedia, _public(sha3_512))
        return found

    def find_lookup(self, sha3_512: str) -> PublicMedia | None:
        """Get what is public of an anchored hash, or None."""
        response = self.transport.request("GET", _public(sha3_512), accept=(200, 404))
        if response.status_code == 404:
            return None
        found: PublicMedia = self.transport.decode(PublicMedia, response.content)
        return found

    def proof(self, sha3_512: str) -> Bundle:
        """Get the proof bundle of an anchored hash, not verified yet; raises NOT_FOUND, or ProofError if malformed."""
        return Bundle.parse(self.transport.request("GET", f"{_public(sha3_512)}/proof").content)

    def find_proof(self, sha3_512: str) -> Bundle | None:
        """Get the proof bundle of an anchored hash, or None."""
        response = self.transport.request("GET", f"{_public(sha3_512)}/proof", accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)

    def log_key(self) -> str:
        """Get the log's verifier key as text."""
        return self.transport.request("GET", "/log/key").text.strip()

    def checkpoint(self) -> str:
        """Get the log's newest signed checkpoint, past any cache."""
        return self.transport.request("GET", "/log/checkpoint", headers={"cache-control": "no-cache"}).text

    def tile(self, path: str) -> bytes:
        """Get a tile or entry bundle by its path, such as tile/0/x001/067.p/3."""
        return self.transport.request("GET", f"/log/{path}").content

    def ready(self) -> Readiness:
        """Ask the server how it is; an unavailable one is an answer too."""
        # A gateway's 503 has no such body, and is an error like any other.
        readiness: Readiness = self.transport.json(Readiness, "GET", "/readyz", accept=(200, 503))
        return readiness

    def _get(self, kind: Any, path: str, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return self.transport.json(kind, "GET", path, params=given)


def _public(sha3_512: str) -> str:
    return f"/v1/public/media/{quote(sha3_512, safe='')}"
