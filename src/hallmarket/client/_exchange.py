"""The client of the exchange API: users, assets, files, datasets, wallets and licences."""

from types import TracebackType
from typing import Self
from urllib.parse import quote

from hallmarket.client._assets import Assets
from hallmarket.client._callbacks import OnWait
from hallmarket.client._datasets import Datasets
from hallmarket.client._exchange_types import Data, Me, Organization, Person, Team
from hallmarket.client._files import Files
from hallmarket.client._licences import Licences
from hallmarket.client._session import Session
from hallmarket.client._transport import Transport
from hallmarket.client._wallet import Wallet


class Exchange:
    """Synchronous client of a server's exchange API; use it as a context manager, or close it.

    The API key is exchanged for a token, which is renewed when needed. Every method raises HallmarketError if the
    server answers with an error, and ServerUnreachable if it does not answer. Transient failures are retried for up to
    `retry_s` seconds; `on_wait` is called before each pause.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeout_s: float = 60.0,
        retry_s: float = 60.0,
        on_wait: OnWait | None = None,
    ) -> None:
        self._transport = Transport(base_url, None, timeout_s, retry_s, on_wait)
        self._session = Session(self._transport, api_key)
        self.url = self._transport.base_url
        self.assets = Assets(self._session)
        self.files = Files(self._session)
        self.datasets = Datasets(self._session)
        self.wallet = Wallet(self._session)
        self.licences = Licences(self._session)

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

    def authenticate(self) -> None:
        """Obtain a token now instead of with the first request; raises HallmarketError UNAUTHENTICATED."""
        self._session.open()

    def me(self) -> Me:
        """Get the user that the API key belongs to."""
        return self._session.json(Data[Me], "GET", "/user").data

    def person(self, name_or_id: str) -> Person:
        """Get a user's profile by username or id."""
        return self._session.json(Data[Person], "GET", f"/users/{quote(name_or_id, safe='')}").data

    def organization(self, name: str) -> Organization:
        """Get an organization by the name in its address."""
        path = f"/organizations/by-name/{quote(name, safe='')}"
        return self._session.json(Data[Organization], "GET", path).data

    def teams(self, organization_id: str | None = None) -> list[Team]:
        """List the caller's teams, or those of one organization."""
        params = {"joined": "true"} | ({"org_id": organization_id} if organization_id else {})
        return self._session.json(Data[list[Team]], "GET", "/teams", params=params).data
