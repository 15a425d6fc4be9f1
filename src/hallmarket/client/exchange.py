"""The bindings to the exchange dialect: people, assets, files, datasets, wallets and licences."""

from types import TracebackType
from typing import Self
from urllib.parse import quote

from hallmarket.client.assets import Assets
from hallmarket.client.datasets import Datasets
from hallmarket.client.exchange_types import Data, Me, Organization, Person, Team
from hallmarket.client.files import Files
from hallmarket.client.licences import Licences
from hallmarket.client.session import Session
from hallmarket.client.transport import Transport, Waiting
from hallmarket.client.wallet import Wallet


class Exchange:
    """A server, spoken to with a token that is bought and renewed as needed; use as a context manager or close it.

    Every method raises HallmarketError for what the server refuses and ServerUnreachable where it does not answer,
    after up to `retry_s` seconds of trying again.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeout_s: float = 60.0,
        retry_s: float = 60.0,
        on_wait: Waiting | None = None,
    ) -> None:
        self.transport = Transport(base_url, None, timeout_s, retry_s, on_wait)
        self.url = self.transport.base_url
        self.session = Session(self.transport, api_key)
        self.assets = Assets(self.session)
        self.files = Files(self.session)
        self.datasets = Datasets(self.session)
        self.wallet = Wallet(self.session)
        self.licences = Licences(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.transport.close()

    def me(self) -> Me:
        """Get the person the key is of."""
        found: Data[Me] = self.session.json(Data[Me], "GET", "/user")
        return found.data

    def person(self, name_or_id: str) -> Person:
        """Get somebody's profile by username or id."""
        found: Data[Person] = self.session.json(Data[Person], "GET", f"/users/{quote(name_or_id, safe='')}")
        return found.data

    def organization(self, name: str) -> Organization:
        """Get an organization by its name in addresses."""
        path = f"/organizations/by-name/{quote(name, safe='')}"
        found: Data[Organization] = self.session.json(Data[Organization], "GET", path)
        return found.data

    def teams(self, organization_id: str | None = None) -> list[Team]:
        """List the teams that the caller is in, of one organization if it is named."""
        params = {"joined": "true"} | ({"org_id": organization_id} if organization_id else {})
        found: Data[list[Team]] = self.session.json(Data[list[Team]], "GET", "/teams", params=params)
        return found.data
