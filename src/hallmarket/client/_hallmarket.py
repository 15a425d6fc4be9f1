"""The client of the media API, the public log and the health check: one method per endpoint."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec

from hallmarket.client._batch import send_batch
from hallmarket.client._callbacks import OnWait
from hallmarket.client._media_types import (
    Anchored,
    AnchorRequest,
    BatchResult,
    MediaItem,
    MediaPage,
    PublicMedia,
    Readiness,
    User,
)
from hallmarket.client._paging import without_none
from hallmarket.client._transport import Transport, read_error
from hallmarket.proof.bundle import Bundle

Result = TypeVar("Result")


class Hallmarket:
    """Synchronous client of a server's media API; use it as a context manager, or close it.

    Every method raises HallmarketError if the server answers with an error, and ServerUnreachable if it does not
    answer. Transient failures are retried for up to `retry_s` seconds; `on_wait` is called before each pause.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retry_s: float = 60.0,
        on_wait: OnWait | None = None,
    ) -> None:
        self._transport = Transport(base_url, api_key, timeout_s, retry_s, on_wait)
        self.url = self._transport.base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    @property
    def retry_s(self) -> float:
        """For how many seconds one call retries transient failures."""
        return self._transport.retry_s

    @retry_s.setter
    def retry_s(self, retry_s: float) -> None:
        self._transport.retry_s = retry_s

    def users(self, page: int = 1, limit: int = 10) -> MediaPage[User]:
        """List the members of the caller's organization."""
        return self._get(MediaPage[User], "/v1/users", page=page, limit=limit)

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
    ) -> MediaPage[MediaItem]:
        """List the organization's items, newest first; `cursor` continues after an earlier page.

        `name` matches any part of the name, ignoring case. `created_from` is inclusive, `created_to` is exclusive.
        """
        return self._get(
            MediaPage[MediaItem],
            "/v1/media",
            page=page,
            limit=limit,
            cursor=cursor,
            status=status,
            name=name,
            createdFrom=created_from,
            createdTo=created_to,
        )

    def iterate_media(self, limit: int = 100, **filters: Any) -> Iterator[MediaItem]:
        """Yield every item that matches the filters of `media`, newest first, fetching `limit` at a time."""
        page = self.media(limit=limit, **filters)
        yield from page.items
        while page.next_cursor:
            page = self.media(limit=limit, cursor=page.next_cursor, **filters)
            yield from page.items

    def media_item(self, media_id: str) -> MediaItem:
        """Get one item of the organization by its id."""
        return self._get(MediaItem, f"/v1/media/{quote(media_id, safe='')}")

    def anchor(self, request: AnchorRequest, idempotency_key: str | None = None) -> Anchored:
        """Anchor one hash.

        The result is `known` if this organization had registered the hash before. Raises DUPLICATE if another
        organization had.
        """
        headers = {"content-type": "application/json"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        body = msgspec.json.encode(request)
        response = self._transport.request(
            "POST", "/v1/media/anchor", content=body, headers=headers, accept=(200, 201, 409)
        )
        if response.status_code != 409:
            return self._transport.decode(Anchored, response.content)
        error = read_error(response)
        own_id = (error.details or {}).get("id")
        # A 409 with an id of this organization may also mean that the id belongs to another hash.
        if own_id and (request.id is None or self.media_item(own_id).hash == request.hash):
            return Anchored(own_id, known=True)
        raise error

    def anchor_batch(self, requests: Iterable[AnchorRequest]) -> Iterator[BatchResult]:
        """Anchor any number of hashes; yields one result per request, in order, as the server answers."""
        return send_batch(self._transport, requests)

    def lookup(self, sha3_512: str) -> PublicMedia:
        """Get the public fields of an anchored hash; raises NOT_FOUND if it is unknown or not anchored yet."""
        return self._get(PublicMedia, _public_path(sha3_512))

    def find_lookup(self, sha3_512: str) -> PublicMedia | None:
        """Return the public fields of an anchored hash, or None."""
        response = self._transport.request("GET", _public_path(sha3_512), accept=(200, 404))
        return None if response.status_code == 404 else self._transport.decode(PublicMedia, response.content)

    def proof(self, sha3_512: str) -> Bundle:
        """Get the proof bundle of an anchored hash, unverified; raises NOT_FOUND, or ProofError if malformed."""
        return Bundle.parse(self._transport.request("GET", f"{_public_path(sha3_512)}/proof").content)

    def find_proof(self, sha3_512: str) -> Bundle | None:
        """Return the proof bundle of an anchored hash, unverified, or None."""
        response = self._transport.request("GET", f"{_public_path(sha3_512)}/proof", accept=(200, 404))
        return None if response.status_code == 404 else Bundle.parse(response.content)

    def log_key(self) -> str:
        """Get the log's verifier key as text."""
        return self._transport.request("GET", "/log/key").text.strip()

    def checkpoint(self) -> str:
        """Get the log's newest signed checkpoint, bypassing caches."""
        return self._transport.request("GET", "/log/checkpoint", headers={"cache-control": "no-cache"}).text

    def tile(self, path: str) -> bytes:
        """Get a tile or entry bundle by its path, such as tile/0/x001/067.p/3."""
        return self._transport.request("GET", f"/log/{path}").content

    def ready(self) -> Readiness:
        """Get the server's health; an unavailable server is a result, not an error."""
        # A gateway's 503 has no such body, and raises like any other error.
        return self._transport.json(Readiness, "GET", "/readyz", accept=(200, 503))

    def _get(self, kind: type[Result], path: str, **query: Any) -> Result:
        return self._transport.json(kind, "GET", path, params=without_none(query))


def _public_path(sha3_512: str) -> str:
    return f"/v1/public/media/{quote(sha3_512, safe='')}"
