"""`hallmarket verify`: say whether files are in the log, and prove it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.dataset_proof import find_beside, verify_pulled
from hallmarket.cli._shared.exit_status import NO, OK, STATUSES, CommandError
from hallmarket.cli._shared.files import read_fingerprint
from hallmarket.cli._shared.options import json_option, log_key_option, server_option
from hallmarket.cli._shared.output import print_json

if TYPE_CHECKING:
    from hallmarket.cli.verify.verdict import Verdict
    from hallmarket.client.api import Hallmarket
    from hallmarket.client.consistency import LogView


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket verify photo.jpg
      hallmarket verify scans/*.tif --server https://hallmarket.example
      hallmarket verify --log-key @log.vkey photo.jpg
      hallmarket verify --proof photo.proof photo.jpg     (no network)
      hallmarket verify --proof photo.proof --json
      hallmarket verify stations.parquet                  (pulled, with stations.parquet.proof beside it)
      hallmarket verify --proof stations.parquet.proof stations.parquet     (no network)
      hallmarket verify --proof licence.json scan_1944.tif                  (what was bought; no network)

    A file is fingerprinted and looked up; then its entry, its claims, their place in the log, the log's signature, and
    that the log seen here last time is the beginning of this one are all checked. A log's key is trusted when it is
    first seen and remembered from then on, with the last checkpoint, in ~/.config/hallmarket/known_logs.json
    (HALLMARKET_KNOWN_LOGS names another file); --log-key settles it instead.

    What `hallmarket datasets pull` brought, a Parquet file or a folder of them, is checked against the version's
    manifest, and that as a file is; the proof is taken from the file beside it.

    The proof of a licence says what was bought, by whom, of whom, at which price and under which terms; a file named
    with it must be the very one, or of a dataset what was pulled of it, the version that was bought or a later one.

    {STATUSES.replace(chr(10), chr(10) + "    ")}
    """
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--proof", "bundle", metavar="BUNDLE", help="Check this saved proof, without any network.")
@log_key_option
@server_option
@json_option
def verify(files: tuple[str, ...], bundle: str | None, log_key: str | None, server: str, as_json: bool) -> int:
    """Check that files are in the log, and that the log is the one seen before."""
    if bundle is not None and len(files) > 1:
        raise click.UsageError("--proof is for one file")
    if bundle is None and not files:
        raise click.UsageError("name a file to verify, or a saved proof by --proof")
    verdicts = _verify_files(files, server, log_key) if bundle is None else [_verify_saved(bundle, files, log_key)]
    proved = all(verdict.proved for verdict in verdicts)
    if as_json:
        status = OK if proved else NO
        print_json({"proved": proved, "files": [verdict.as_json() for verdict in verdicts], "exit_status": status})
    else:
        print("\n".join(verdict.words() for verdict in verdicts))
    return OK if proved else NO


def _verify_saved(bundle: str, files: Sequence[str], log_key: str | None) -> "Verdict":
    from hallmarket.cli.verify.offline import verify_saved

    return verify_saved(bundle, files[0] if files else None, log_key)


def _verify_files(files: Sequence[str], url: str, log_key: str | None) -> "list[Verdict]":
    from hallmarket.cli._shared.connect import be_patient, connect
    from hallmarket.client.consistency import LogView
    from hallmarket.client.trust import KnownLogs

    with connect(url) as server:
        view = LogView(server, KnownLogs(), log_key)
        be_patient(server)
        verdicts = [_verify_file(path, server, view) for path in files]
        if not any(verdict.code == "LOG_REFUSED" for verdict in verdicts):
            view.remember()
        return verdicts


def _verify_file(path: str, server: "Hallmarket", view: "LogView") -> "Verdict":
    from hallmarket.cli.verify.verdict import Signed, Verdict, no
    from hallmarket.client.errors import LogRefused
    from hallmarket.proof.entry import DATASET_VERSION
    from hallmarket.proof.errors import ProofError

    try:
        if (beside := find_beside(path)) is not None:
            checked = verify_pulled(
                beside, path, lambda bundle, digest, size: view.verify(bundle, digest, size, DATASET_VERSION)
            )
            verified, sha3_512 = checked.verified, None
        else:
            read = read_fingerprint(path)
            checked, sha3_512 = None, read.digest.hex()
            bundle = server.find_proof(sha3_512)
            if bundle is None:
                return Verdict(path, "it is not in the log, or not yet", "NOT_FOUND")
            verified = view.verify(bundle, sha3_512, read.size_bytes)
    except (CommandError, LogRefused, ProofError) as error:
        return no(path, error)
    seen_size = view.remembered.size if view.remembered else None
    signed = Signed(view.key, view.trust, view.known, seen_size, view.head.size)
    found = server.find_lookup(sha3_512) if sha3_512 else None
    anchored_time = found.transaction.anchored_time if found and found.transaction else None
    return Verdict(path, verified=verified, signed=signed, anchored_time=anchored_time, version=checked)
