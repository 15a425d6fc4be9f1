"""`hallmarket verify`: check that files are in the log."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.dataset_proof import find_version_proof, verify_pulled
from hallmarket.cli._shared.exit_status import FAILED, OK, CommandError
from hallmarket.cli._shared.files import read_fingerprint
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import json_option, log_key_option, server_option
from hallmarket.cli._shared.output import print_json

if TYPE_CHECKING:
    from hallmarket.cli.verify.verdict import Verdict
    from hallmarket.client import Hallmarket, LogView


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket verify photo.jpg
          hallmarket verify scans/*.tif --server https://hallmarket.example
          hallmarket verify --log-key @log.vkey photo.jpg
          hallmarket verify --proof photo.proof photo.jpg     (no network)
          hallmarket verify --proof photo.proof --json
          hallmarket verify stations.parquet                  (pulled, next to stations.parquet.proof)
          hallmarket verify --proof stations.parquet.proof stations.parquet     (no network)
          hallmarket verify --proof licence.json scan_1944.tif                  (a purchase; no network)

        Each file is fingerprinted and looked up. Then these are checked: the log entry, its claims, its inclusion in
        the log, the log's signature, and that the log seen here before is the beginning of the log shown now. A log's
        key is trusted when it is first seen, and remembered with the last checkpoint in
        ~/.config/hallmarket/known_logs.json (HALLMARKET_KNOWN_LOGS names another file). With --log-key only that key is
        trusted.

        A Parquet file or a folder from `hallmarket datasets pull` is checked against the manifest of its version, and
        the manifest against the log; the proof is the .proof file in the same folder.

        The proof of a licence shows what was bought, by whom, from whom, at which price and under which terms. A file
        given with it must be the file that was bought; for a dataset, it must be pulled from the version that was
        bought or a later one.
        """
    )
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--proof", "bundle", metavar="BUNDLE", help="Check this saved proof, without a network.")
@log_key_option
@server_option
@json_option
def verify(files: tuple[str, ...], bundle: str | None, log_key: str | None, server: str, as_json: bool) -> int:
    """Check that files are in the log, and that the log is the one seen before."""
    if bundle is not None and len(files) > 1:
        raise click.UsageError("--proof is for one file")
    if bundle is None and not files:
        raise click.UsageError("name a file to verify, or a saved proof with --proof")
    verdicts = _verify_online(files, server, log_key) if bundle is None else [_verify_saved(bundle, files, log_key)]
    status = OK if all(verdict.proved for verdict in verdicts) else FAILED
    if as_json:
        fields = [verdict.as_json() for verdict in verdicts]
        print_json({"proved": status == OK, "files": fields, "exit_status": status})
    else:
        print("\n".join(verdict.text() for verdict in verdicts))
    return status


def _verify_saved(bundle: str, files: Sequence[str], log_key: str | None) -> "Verdict":
    from hallmarket.cli.verify.offline import verify_saved

    return verify_saved(bundle, files[0] if files else None, log_key)


def _verify_online(files: Sequence[str], url: str, log_key: str | None) -> "list[Verdict]":
    # Imported here because it imports httpx, which an offline verification does not need.
    from hallmarket.cli._shared.connect import allow_retries, connect
    from hallmarket.client import KnownLogs, LogView

    with connect(url) as server:
        view = LogView(server, KnownLogs(), log_key)
        allow_retries(server)
        verdicts = [_verify_file(path, server, view) for path in files]
        if not any(verdict.code == "LOG_REFUSED" for verdict in verdicts):
            view.remember()
        return verdicts


def _verify_file(path: str, server: "Hallmarket", view: "LogView") -> "Verdict":
    from hallmarket.cli.verify.verdict import LogSignature, Verdict, not_proved
    from hallmarket.client import LogRefused, ProofError
    from hallmarket.proof.entry import DATASET_VERSION

    try:
        if (version_proof := find_version_proof(path)) is not None:
            version = verify_pulled(
                version_proof, path, lambda bundle, digest, size: view.verify(bundle, digest, size, DATASET_VERSION)
            )
            verified, sha3_512 = version.verified, None
        else:
            read = read_fingerprint(path)
            version, sha3_512 = None, read.digest.hex()
            bundle = server.find_proof(sha3_512)
            if bundle is None:
                return Verdict(path, "it is not in the log, or not yet", "NOT_FOUND")
            verified = view.verify(bundle, sha3_512, read.size_bytes)
    except (CommandError, LogRefused, ProofError) as error:
        return not_proved(path, error)
    seen_size = view.remembered.size if view.remembered else None
    signature = LogSignature(view.key, view.trust, view.known, seen_size, view.head.size)
    public = server.find_lookup(sha3_512) if sha3_512 else None
    anchored_time = public.transaction.anchored_time if public and public.transaction else None
    return Verdict(path, verified=verified, signature=signature, anchored_time=anchored_time, version=version)
