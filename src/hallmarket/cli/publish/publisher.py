"""Publishing one file after another, each found by its fingerprint if it is published already."""

from pathlib import Path
from typing import Any, NamedTuple

from hallmarket.cli._shared.connect import connect
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.files import read_fingerprint, registry_name
from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli._shared.output import printable
from hallmarket.cli._shared.progress import transfer_progress
from hallmarket.cli.publish.published_datasets import PublishedDatasets
from hallmarket.client import Asset, Exchange, FileChanged, HallmarketError, ServerUnreachable


class Published(NamedTuple):
    """The asset of a file, created now or found."""

    asset: Asset
    server_url: str
    sha3_512: str
    is_new: bool
    proof_url: str

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for --json."""
        return {
            "outcome": "published" if self.is_new else "already_published",
            "id": self.asset.id,
            "type": self.asset.asset_type,
            "visibility": self.asset.visibility,
            "address": self.address,
            "hash": self.sha3_512,
            "proof": self.proof_url,
        }

    def text(self) -> str:
        """Return the outcome for people."""
        verb = "published as" if self.is_new else "is published already, as"
        lines = [
            f"{verb} the {self.asset.asset_type} {printable(self.asset.name or '')}, {self.asset.visibility}",
            f"  id           {self.asset.id}",
            f"  address      {self.address}",
            f"  {'manifest' if self.asset.asset_type == 'dataset' else 'fingerprint':<11}  SHA3-512 {self.sha3_512}",
            f"  proof        {self.proof_url}",
        ]
        return "\n".join(lines)

    @property
    def address(self) -> str:
        """The asset's address on the server."""
        return f"{self.server_url}/{self.asset.asset_type}s/{self.asset.id}"


class Publisher:
    """Publishes files with the same fields on one server."""

    def __init__(self, exchange: Exchange, fields: dict[str, Any], *, quiet: bool) -> None:
        self._exchange, self._fields, self._quiet = exchange, fields, quiet
        self._me = exchange.me()
        self._datasets: PublishedDatasets | None = None

    def close(self) -> None:
        """Close the state file if it was opened."""
        if self._datasets:
            self._datasets.close()

    def publish(self, path: Path, kind: str) -> Published:
        """Publish a file as a `kind`, file or dataset, unless it is published already; raises CommandError."""
        read = read_fingerprint(str(path))
        try:
            return self._publish_file(path, read) if kind == "file" else self._publish_dataset(path, read)
        except FileChanged as error:
            raise CommandError(str(error), code="UNREADABLE") from None

    def _publish_file(self, path: Path, read: Fingerprint) -> Published:
        sha3_512 = read.digest.hex()
        asset = self._find_asset("file", {"sha3_512": sha3_512})
        is_new = asset is None
        if asset is None:
            asset = self._create_file(path, read)
        proof_url = f"{self._exchange.url}/v1/public/media/{sha3_512}/proof"
        return Published(asset, self._exchange.url, sha3_512, is_new, proof_url)

    def _publish_dataset(self, path: Path, read: Fingerprint) -> Published:
        if self._datasets is None:
            self._datasets = PublishedDatasets(self._owner())
        known = self._datasets.find(read.digest)
        asset = None if known is None else self._find_dataset(known)
        is_new = asset is None
        if asset is None:
            asset = self._create_dataset(path, read)
            self._datasets.record(read.digest, asset.id)
        first = self._exchange.datasets.version(asset.id, 1)
        proof_url = f"{self._exchange.url}/datasets/{asset.id}/versions/{first.number}/proof"
        return Published(asset, self._exchange.url, first.sha3_512, is_new, proof_url)

    def _owner(self) -> str:
        """Return whose datasets are looked up; the log's key names the registry, which may have several addresses."""
        with connect(self._exchange.url) as server:
            key = server.log_key()
        return " ".join([key, self._me.id, self._fields.get("org_id", ""), self._fields.get("team_id", "")])

    def _find_dataset(self, dataset_id: str) -> Asset | None:
        try:
            return self._exchange.datasets.get(dataset_id)
        except HallmarketError as error:
            if error.status != 404:
                raise
            return None  # deleted since

    def _create_dataset(self, path: Path, read: Fingerprint) -> Asset:
        fields = {"name": registry_name(path.stem)} | self._fields
        before = self._newest_dataset()
        try:
            with transfer_progress(path.name, read.size_bytes, quiet=self._quiet) as on_bytes:
                return self._exchange.datasets.create_from_file(path, registry_name(path.name), on_bytes, **fields)
        except (ServerUnreachable, HallmarketError) as error:
            is_unknown = error.was_sent if isinstance(error, ServerUnreachable) else error.status in (502, 504)
            # If the dataset was created although the response is lost, it is the newest one and has this name.
            created = self._newest_dataset() if is_unknown else None
            if created is None or (before and created.id == before.id) or created.name != fields["name"]:
                raise
            return created

    def _newest_dataset(self) -> Asset | None:
        filters = {"asset_type": "dataset", "user_id": self._me.id}
        return next(self._exchange.assets.iterate(max_items=1, filters=filters, sort="recent"), None)

    def _find_asset(self, asset_type: str, metadata: dict[str, str]) -> Asset | None:
        """Return the user's oldest asset with this metadata, or None."""
        filters = {"asset_type": asset_type, "user_id": self._me.id}
        filters |= {name: self._fields[name] for name in ("org_id", "team_id") if name in self._fields}
        found = list(self._exchange.assets.iterate(filters=filters, metadata_filters=metadata, sort="recent"))
        return found[-1] if found else None

    def _create_file(self, path: Path, read: Fingerprint) -> Asset:
        name, files = registry_name(path.name), self._exchange.files
        with transfer_progress(path.name, read.size_bytes, quiet=self._quiet) as on_bytes:
            upload = files.upload(path, name, self._fields.get("visibility"), on_bytes)
        if upload.sha3_512 != read.digest.hex():
            files.discard(f"{upload.bucket}/{upload.path}")
            raise CommandError(
                "changed between its fingerprint and its upload; run the command again", code="UNREADABLE"
            )
        return files.create(upload, **{"name": name} | self._fields)
