"""Fetching a version: manifest, proof, files; each checked before it stands where it was asked for."""

import os
import re
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hallmarket.cli._shared.connect import be_patient, connect
from hallmarket.cli._shared.dataset_proof import proof_beside, read_digest
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.files import write_whole
from hallmarket.cli._shared.output import printable
from hallmarket.cli._shared.progress import transfer
from hallmarket.client.consistency import LogView
from hallmarket.client.download import OnBytes, download
from hallmarket.client.exchange import Exchange
from hallmarket.client.trust import KnownLogs
from hallmarket.client.version_proof import VersionProof, verify_version
from hallmarket.proof.bundle import Bundle
from hallmarket.proof.entry import DATASET_VERSION
from hallmarket.proof.manifest import Manifest, ManifestFile

# How long a version just made may take to stand in the log.
WAIT_S = 30.0
PAUSE_S = 0.2


class Pulled(NamedTuple):
    """What stands on disk now; `proof` is None for a format that has none, `leaf_index` the manifest's in the log."""

    output: Path
    form: str
    proof: Path | None
    manifest: Manifest
    leaf_index: int


class Pull:
    """One run of `pull`."""

    def __init__(
        self, exchange: Exchange, dataset_id: str, version: int | None, log_key: str | None, *, quiet: bool
    ) -> None:
        self._exchange, self._id, self._version = exchange, dataset_id, version
        self._log_key, self._quiet = log_key, quiet

    def run(self, form: str, output: str | None, proof: str | None) -> Pulled:
        """Fetch, check, and put in place; raises CommandError, ProofError, LogRefused."""
        asset = self._exchange.datasets.get(self._id)
        if self._version is None:
            newest = self._exchange.datasets.versions(self._id, limit=1).data
            if not newest:
                raise CommandError("it has no version yet", code="NOT_FOUND")
            self._version = newest[0].number
        place = Path(output) if output else Path(f"{file_name(asset.name or asset.id)}.{form}")
        proved, leaf_index = self._prove()
        manifest = Manifest.parse(proved.manifest)
        if form == "parquet":
            self._fetch_parquet(manifest, place)
            beside = Path(proof) if proof else proof_beside(str(place))
            write_whole(str(beside), [proved.encode()])
            return Pulled(place, form, beside, manifest, leaf_index)
        self._fetch_derived(manifest, place, form)
        if proof:
            write_whole(proof, [proved.encode()])
        return Pulled(place, form, Path(proof) if proof else None, manifest, leaf_index)

    def _prove(self) -> tuple[VersionProof, int]:
        """The manifest and its proof, checked against the log as it is now."""
        assert self._version
        proof = VersionProof(self._exchange.datasets.manifest(self._id, self._version), self._wait_for_proof())
        with connect(self._exchange.url) as server:
            view = LogView(server, KnownLogs(), self._log_key)
            be_patient(server)
            checked = verify_version(proof, partial(view.verify, kind=DATASET_VERSION), None, read_digest)
            view.remember()
        if (checked.manifest.dataset, checked.manifest.version) != (self._id, self._version):
            raise CommandError("the server sent the manifest of another version", code="NOT_PROVED")
        return proof, checked.verified.index

    def _wait_for_proof(self) -> Bundle:
        until_s = time.monotonic() + WAIT_S
        assert self._version
        while (bundle := self._exchange.datasets.find_proof(self._id, self._version)) is None:
            if time.monotonic() > until_s:
                raise CommandError("the version is not in the log yet: `hallmarket status` shows the queue")
            time.sleep(PAUSE_S)
        return bundle

    def _fetch_parquet(self, manifest: Manifest, place: Path) -> None:
        if len(manifest.files) == 1 and not place.is_dir():
            self._fetch(manifest, place.name, [(manifest.files[0], place)])
            return
        names = {file.name for file in manifest.files}
        if place.exists() and not place.is_dir():
            raise CommandError(f"{printable(str(place))} is a file, and the version is a folder of {len(names)}")
        place.mkdir(parents=True, exist_ok=True)
        if strangers := {path.name for path in place.iterdir() if not path.name.startswith(".")} - names:
            raise CommandError(f"{printable(str(place))} holds other files, such as {printable(min(strangers))}")
        self._fetch(manifest, place.name, [(file, place / file.name) for file in manifest.files])

    def _fetch_derived(self, manifest: Manifest, place: Path, form: str) -> None:
        """The files go to a hidden folder beside the output, which stays for the next run if this one is broken off."""
        from hallmarket.cli.datasets.convert import convert

        folder = place.with_name(f".{manifest.dataset}.{manifest.version}.pull")
        folder.mkdir(parents=True, exist_ok=True)
        targets = [(file, folder / file.name) for file in manifest.files]
        self._fetch(manifest, place.name, targets)
        fresh = place.with_name(f".{place.name}.{os.getpid()}.new")
        try:
            convert([path for _, path in targets], [column.name for column in manifest.columns], form, fresh)
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
        shutil.rmtree(folder)

    def _fetch(self, manifest: Manifest, words: str, targets: Sequence[tuple[ManifestFile, Path]]) -> None:
        total = sum(file.size for file in manifest.files)
        with transfer(words, total, quiet=self._quiet) as on_bytes:
            for file, target in targets:
                self._fetch_one(manifest, file, target, on_bytes)

    def _fetch_one(self, manifest: Manifest, file: ManifestFile, target: Path, on_bytes: OnBytes) -> None:
        if target.is_file() and read_digest(target) == (file.sha3_512, file.size):
            on_bytes(file.size)
            return
        opened = partial(self._exchange.datasets.open_file, self._id, manifest.version, file.name)
        download(self._exchange.transport, opened, target, file.size, file.sha3_512, on_bytes)


def file_name(name: str) -> str:
    """An asset's name as a file's: no folders, nothing hidden, not too long."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:100] or "asset"
