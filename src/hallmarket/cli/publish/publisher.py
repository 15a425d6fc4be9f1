"""Publishing one file after another: what is there already is found by its fingerprint."""

from pathlib import Path
from typing import Any, NamedTuple

from hallmarket.cli._shared.connect import connect
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.files import read_fingerprint
from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli._shared.output import printable
from hallmarket.cli._shared.progress import transfer
from hallmarket.cli.anchor.sender import wire_name
from hallmarket.cli.publish.published_datasets import PublishedDatasets
from hallmarket.client.errors import FileChanged, HallmarketError, ServerUnreachable
from hallmarket.client.exchange import Exchange
from hallmarket.client.exchange_types import Asset


class Published(NamedTuple):
    """An asset that stands for a file: made now, or found."""

    asset: Asset
    url: str
    sha3_512: str
    is_new: bool
    proof: str

    def facts(self) -> dict[str, Any]:
        """What became of a file, for programs."""
        return {
            "outcome": "published" if self.is_new else "already_published",
            "id": self.asset.id,
            "type": self.asset.asset_type,
            "visibility": self.asset.visibility,
            "address": self.address,
            "hash": self.sha3_512,
            "proof": self.proof,
        }

    def words(self) -> str:
        """What became of a file, for people."""
        done = "published as" if self.is_new else "is published already, as"
        lines = [
            f"{done} the {self.asset.asset_type} {printable(self.asset.name or '')}, {self.asset.visibility}",
            f"  id           {self.asset.id}",
            f"  address      {self.address}",
            f"  {'manifest' if self.asset.asset_type == 'dataset' else 'fingerprint':<11}  SHA3-512 {self.sha3_512}",
            f"  proof        {self.proof}",
        ]
        return "\n".join(lines)

    @property
    def address(self) -> str:
        """Where the server has the asset."""
        return f"{self.url}/{self.asset.asset_type}s/{self.asset.id}"


class Publishing:
    """One run of `publish`: the server, whose key it is, and what is said of every asset."""

    def __init__(self, exchange: Exchange, fields: dict[str, Any], *, quiet: bool) -> None:
        self._exchange, self._fields, self._quiet = exchange, fields, quiet
        self._me = exchange.me()
        self._datasets: PublishedDatasets | None = None

    def close(self) -> None:
        """Close the state file, if it was needed."""
        if self._datasets:
            self._datasets.close()

    def publish(self, path: Path, kind: str) -> Published:
        """Publish a file as a `kind`, unless it is; raises CommandError for what cannot be."""
        read = read_fingerprint(str(path))
        try:
            return self._publish_file(path, read) if kind == "file" else self._publish_dataset(path, read)
        except FileChanged as error:
            raise CommandError(str(error), code="UNREADABLE") from None

    def _publish_file(self, path: Path, read: Fingerprint) -> Published:
        sha3_512 = read.digest.hex()
        asset = self._find("file", {"sha3_512": sha3_512})
        is_new = asset is None
        if asset is None:
            asset = self._send_file(path, read)
        proof = f"{self._exchange.url}/v1/public/media/{sha3_512}/proof"
        return Published(asset, self._exchange.url, sha3_512, is_new, proof)

    def _publish_dataset(self, path: Path, read: Fingerprint) -> Published:
        if self._datasets is None:
            self._datasets = PublishedDatasets(self._place())
        known = self._datasets.find(read.digest)
        asset = None if known is None else self._find_dataset(known)
        is_new = asset is None
        if asset is None:
            asset = self._send_dataset(path, read)
            self._datasets.record(read.digest, asset.id)
        first = self._exchange.datasets.version(asset.id, 1)
        proof = f"{self._exchange.url}/datasets/{asset.id}/versions/{first.number}/proof"
        return Published(asset, self._exchange.url, first.sha3_512, is_new, proof)

    def _place(self) -> str:
        """Whose datasets are looked for, and where: the log's key, for one registry may have several addresses."""
        with connect(self._exchange.url) as server:
            key = server.log_key()
        return " ".join([key, self._me.id, self._fields.get("org_id", ""), self._fields.get("team_id", "")])

    def _find_dataset(self, dataset_id: str) -> Asset | None:
        try:
            return self._exchange.datasets.get(dataset_id)
        except HallmarketError as error:
            if error.status != 404:
                raise
            return None  # it was deleted since

    def _send_dataset(self, path: Path, read: Fingerprint) -> Asset:
        fields = {"name": wire_name(path.stem)} | self._fields
        before = self._newest_dataset()
        try:
            with transfer(path.name, read.size_bytes, quiet=self._quiet) as on_bytes:
                return self._exchange.datasets.create_from_file(path, wire_name(path.name), on_bytes, **fields)
        except (ServerUnreachable, HallmarketError) as error:
            is_lost = error.was_sent if isinstance(error, ServerUnreachable) else error.status in (502, 504)
            # If the dataset is there all the same, it is the only one of its name that is new.
            made = self._newest_dataset() if is_lost else None
            if made is None or (before and made.id == before.id) or made.name != fields["name"]:
                raise
            return made

    def _newest_dataset(self) -> Asset | None:
        filters = {"asset_type": "dataset", "user_id": self._me.id}
        return next(self._exchange.assets.iterate(max_items=1, filters=filters, sort="recent"), None)

    def _find(self, asset_type: str, metadata: dict[str, str]) -> Asset | None:
        """Find an asset of one's own by its metadata; the oldest, should there be several."""
        filters = {"asset_type": asset_type, "user_id": self._me.id}
        filters |= {name: self._fields[name] for name in ("org_id", "team_id") if name in self._fields}
        found = list(self._exchange.assets.iterate(filters=filters, metadata_filters=metadata, sort="recent"))
        return found[-1] if found else None

    def _send_file(self, path: Path, read: Fingerprint) -> Asset:
        name, files = wire_name(path.name), self._exchange.files
        with transfer(path.name, read.size_bytes, quiet=self._quiet) as on_bytes:
            upload = files.upload(path, name, self._fields.get("visibility"), on_bytes)
        if upload.sha3_512 != read.digest.hex():
            files.discard(f"{upload.bucket}/{upload.path}")
            raise CommandError("changed between its fingerprint and its upload; run again", code="UNREADABLE")
        return files.create(upload, **{"name": name} | self._fields)
