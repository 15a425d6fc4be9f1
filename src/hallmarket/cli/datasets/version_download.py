"""Download of a dataset version: its manifest, its proof and its files, each verified before it is put in place."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hallmarket.cli._shared.connect import allow_retries, connect
from hallmarket.cli._shared.dataset_proof import proof_path
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.extras import require_extra
from hallmarket.cli._shared.files import local_name, read_digest, write_atomically
from hallmarket.cli._shared.output import printable
from hallmarket.cli._shared.progress import transfer_progress
from hallmarket.client import (
    Bundle,
    Exchange,
    KnownLogs,
    LogView,
    Manifest,
    ManifestFile,
    OnBytes,
    VersionProof,
    verify_version,
)
from hallmarket.proof.entry import DATASET_VERSION

# How long to wait until a new version is in the log.
WAIT_S = 30.0
PAUSE_S = 0.2

# Writes files with these columns to one file of another format.
Converter = Callable[[Sequence[Path], Sequence[str], str, Path], None]


class PulledVersion(NamedTuple):
    """The files on disk; `proof` is None for a format without a proof, `leaf_index` is that of the manifest's entry."""

    output: Path
    proof: Path | None
    manifest: Manifest
    leaf_index: int


def find_converter(format_name: str) -> Converter | None:
    """Return the function that writes a format, None for parquet; raises CommandError without its packages."""
    if format_name == "parquet":
        return None
    require_extra("tables", f"pulling as {format_name}")
    from hallmarket.cli.datasets.convert import convert

    return convert


class VersionDownload:
    """Downloads one version of a dataset, the newest if `version` is None."""

    def __init__(
        self, exchange: Exchange, dataset_id: str, version: int | None, log_key: str | None, *, quiet: bool
    ) -> None:
        self._exchange, self._id, self._version = exchange, dataset_id, version
        self._log_key, self._quiet = log_key, quiet

    def run(
        self, format_name: str, converter: Converter | None, output: str | None, proof: str | None
    ) -> PulledVersion:
        """Download and verify the version and write its files; raises CommandError, ProofError and LogRefused."""
        asset = self._exchange.datasets.get(self._id)
        if self._version is None:
            newest = self._exchange.datasets.versions(self._id, limit=1).data
            if not newest:
                raise CommandError("the dataset has no version yet", code="NOT_FOUND")
            self._version = newest[0].number
        target = Path(output) if output else Path(f"{local_name(asset.name or asset.id)}.{format_name}")
        version_proof, leaf_index = self._verify()
        manifest = Manifest.parse(version_proof.manifest)
        proof_target = Path(proof) if proof else None
        if converter is None:
            self._download_parquet(manifest, target)
            proof_target = proof_target or proof_path(str(target))
        else:
            self._download_converted(manifest, target, format_name, converter)
        if proof_target:
            write_atomically(str(proof_target), [version_proof.encode()])
        return PulledVersion(target, proof_target, manifest, leaf_index)

    def _verify(self) -> tuple[VersionProof, int]:
        """Return the manifest with its proof, verified against the current log, and the index of its entry."""
        assert self._version
        proof = VersionProof(self._exchange.datasets.manifest(self._id, self._version), self._wait_for_proof())
        with connect(self._exchange.url) as server:
            view = LogView(server, KnownLogs(), self._log_key)
            allow_retries(server)
            version = verify_version(proof, partial(view.verify, kind=DATASET_VERSION), None, read_digest)
            view.remember()
        if (version.manifest.dataset, version.manifest.version) != (self._id, self._version):
            raise CommandError("the server sent the manifest of another version", code="NOT_PROVED")
        return proof, version.verified.index

    def _wait_for_proof(self) -> Bundle:
        deadline_s = time.monotonic() + WAIT_S
        assert self._version
        while (bundle := self._exchange.datasets.find_proof(self._id, self._version)) is None:
            if time.monotonic() > deadline_s:
                raise CommandError("the version is not in the log yet: `hallmarket status` shows the queue")
            time.sleep(PAUSE_S)
        return bundle

    def _download_parquet(self, manifest: Manifest, target: Path) -> None:
        if len(manifest.files) == 1 and not target.is_dir():
            self._download_files(manifest, target.name, [(manifest.files[0], target)])
            return
        names = {file.name for file in manifest.files}
        if target.exists() and not target.is_dir():
            raise CommandError(f"{printable(str(target))} is a file, but the version is a folder of {len(names)} files")
        target.mkdir(parents=True, exist_ok=True)
        if others := {path.name for path in target.iterdir() if not path.name.startswith(".")} - names:
            raise CommandError(f"{printable(str(target))} contains other files, such as {printable(min(others))}")
        self._download_files(manifest, target.name, [(file, target / file.name) for file in manifest.files])

    def _download_converted(self, manifest: Manifest, target: Path, format_name: str, converter: Converter) -> None:
        """Download to a hidden folder next to the output, which an interrupted run leaves for the next one."""
        folder = target.with_name(f".{manifest.dataset}.{manifest.version}.pull")
        folder.mkdir(parents=True, exist_ok=True)
        targets = [(file, folder / file.name) for file in manifest.files]
        self._download_files(manifest, target.name, targets)
        new_path = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            columns = [column.name for column in manifest.columns]
            converter([path for _, path in targets], columns, format_name, new_path)
            new_path.replace(target)
        finally:
            new_path.unlink(missing_ok=True)
        shutil.rmtree(folder)

    def _download_files(
        self, manifest: Manifest, description: str, targets: Sequence[tuple[ManifestFile, Path]]
    ) -> None:
        total_bytes = sum(file.size for file in manifest.files)
        with transfer_progress(description, total_bytes, quiet=self._quiet) as on_bytes:
            for file, target in targets:
                self._download_file(manifest, file, target, on_bytes)

    def _download_file(self, manifest: Manifest, file: ManifestFile, target: Path, on_bytes: OnBytes) -> None:
        if target.is_file() and read_digest(target) == (file.sha3_512, file.size):
            on_bytes(file.size)
            return
        self._exchange.datasets.download_file(self._id, manifest.version, file, target, on_bytes)
