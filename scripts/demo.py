"""`make demo`: anchor thirty files, publish a table, sell a photograph, and verify the proofs without a server.

The server, its PostgreSQL, the command and the files are all real. They live in a temporary folder that is removed at
the end. The exit status is 0 if every step had the expected result. Otherwise it is 1, and the last line says which
step failed.
"""

import hashlib
import json
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

from pictures import draw_newsroom
from stage import Registry, StepFailed, Steps, User, check

PROOF = "photograph.proof"
TABLE, TABLE_PROOF = "harbour.parquet", "harbour.parquet.proof"
BOUGHT, LICENCE = "bought.jpg", "licence.json"
# Requests to this machine must not go through a proxy that the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def run_steps(folder: Path, registry: Registry, steps: Steps) -> None:
    """Run the whole demo. Raises StepFailed if a step does not have the expected result."""
    with steps.step("A registry starts on an empty folder, with an embedded PostgreSQL.") as details:
        registry.wait()
        details(f"It listens at {registry.url}")
    with steps.step("A newsroom has photographs, scans, reports, figures and notes.") as details:
        files = draw_newsroom(folder / "newsroom")
        details(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB, drawn just now")
    owner = User(folder / "owner", registry.url, registry.api_key)
    anchor(steps, owner, len(files))
    picture = max(files, key=lambda path: path.stat().st_size)
    photograph = str(picture.relative_to(folder))
    look_up(steps, registry.url, picture)
    visitor = User(folder / "visitor", registry.url)
    with steps.step("The visitor checks the entry, its claims, its position in the log and the signature."):
        output = visitor.run("verify", photograph)
        check(f"{photograph}: proved" in output, "the photograph should be proved")
    with steps.step("The visitor saves the proof."):
        visitor.run("proof", photograph, "-o", PROOF)
    publish(steps, owner)
    reader = sell(steps, registry, photograph)
    with steps.step("The registry stops.") as details:
        check(registry.stop() == 0, "the server should stop cleanly")
        check(not is_reachable(registry.url), "the server should not accept requests any more")
        details("The server and its PostgreSQL have stopped.")
    with steps.step("The saved proof still works, without the registry and without a network."):
        output = visitor.run("verify", "--proof", PROOF, photograph)
        check(f"{photograph}: proved" in output, "the photograph should be proved without a server")
    with steps.step("So does the proof of the table, for every row."):
        output = owner.run("verify", "--proof", TABLE_PROOF, TABLE)
        check(f"{TABLE}: proved" in output, "the table should be proved without a server")
    with steps.step("So does the proof of the purchase: this photograph, this price, these terms."):
        output = reader.run("verify", "--proof", LICENCE, BOUGHT)
        check("was bought" in output and "$12.50" in output, "the purchase should be proved without a server")
    tamper(steps, folder, visitor, picture)


def anchor(steps: Steps, owner: User, count: int) -> None:
    """Anchor a folder with one command, then run the command again."""
    with steps.step("The newsroom anchors all of them. Only fingerprints are sent; the files stay where they are."):
        output = owner.run("anchor", "newsroom")
        check(f"{count} files: {count} anchored" in output, "every file should be anchored")
        check("anchored by checkpoint" in output, "every file should be in the log by now")
    with steps.step("A second run finds nothing to do."):
        output = owner.run("anchor", "newsroom")
        check(f"{count} files: {count} unchanged" in output, "every file should be unchanged")


def look_up(steps: Steps, url: str, picture: Path) -> None:
    """Look up a known and an unknown fingerprint over plain HTTP, without a key."""
    with steps.step(f"A visitor finds {picture.name} somewhere and looks it up, without a key.") as details:
        digest = fingerprint(picture)
        started_s = time.monotonic()
        status, found = get(f"{url}/v1/public/media/{digest}")
        details(f"GET /v1/public/media/{digest[:16]}…  {status} in {(time.monotonic() - started_s) * 1000:.1f} ms")
        check(status == 200 and found["hash"] == digest, "the photograph should be found")
        details(f"name {found['name']}, registered {found['createdOn']}")
        details(f"leaf {found['transaction']['transactionId'][:18]}…, checkpoint {found['transaction']['blockNumber']}")
        status, error = get(f"{url}/v1/public/media/{fingerprint(Path(__file__))}")
        details(f"and for a file that is not in the log: {status} {error['code']}")
        check(status == 404, "a file that was not anchored should not be found")


def publish(steps: Steps, owner: User) -> None:
    """Publish a table as a dataset, query it, and pull it with its proof."""
    with steps.step("The newsroom publishes a table of figures. It is uploaded and becomes a dataset."):
        output = owner.run("publish", "newsroom/figures/harbour.csv", "--visibility", "organization")
        dataset = re.search(r"/datasets/(\S+)", output)
        check(dataset, "the table should be published as a dataset")
    assert dataset
    with steps.step("The dataset is queried in SQL."):
        query = "select place, count(*) as hours, sum(visitors) as visitors from {{table}} group by place"
        output = owner.run("datasets", "query", dataset[1], query)
        check("harbour" in output and "500" in output, "all 500 hours should be counted")
    with steps.step("Version 1 is pulled, checked against the log, and saved with its proof."):
        output = owner.run("datasets", "pull", dataset[1], "--version", "1", "-o", TABLE)
        check("500 rows, checked against the log" in output, "the version should be checked")


def sell(steps: Steps, registry: Registry, photograph: str) -> User:
    """Sell the photograph: payment, permission and licence commit in one transaction. Returns the buyer."""
    photographer, reader = registry.create_user("photographer"), registry.create_user("reader")
    with steps.step("A photographer offers the photograph for sale and sets the terms."):
        terms = "Print it and show it; do not sell it on."
        output = photographer.run("publish", photograph, "--price-usd", "12.50", "--license-text", terms)
        asset = re.search(r"/files/(\S+)", output)
        check(asset and "monetized" in output, "the photograph should be for sale")
    assert asset
    with steps.step("The operator credits a reader with twenty dollars, and the reader buys it.") as details:
        credit = ("credit", "reader", "20.00", "--currency", "usd")
        details(f"$ hallmarket admin {' '.join(credit)}")
        details(registry.administer(*credit).strip())
        output = reader.run("wallet", "buy", asset[1], "--yes")
        licence = re.search(r"licences proof (\S+)", output)
        check(licence and "for $12.50" in output, "the photograph should be bought")
    assert licence
    with steps.step("The reader downloads the photograph and its licence, which is in the log."):
        reader.run("assets", "download", asset[1], "-o", BOUGHT)
        reader.run("licences", "proof", licence[1], "-o", LICENCE)
        check("$7.50" in reader.run("wallet", "balance"), "the reader should have paid once")
    return reader


def tamper(steps: Steps, folder: Path, visitor: User, picture: Path) -> None:
    """Change one byte of the file, then the proof; verification must fail both times."""
    with steps.step("One byte of the photograph is changed, and verification fails."):
        data = bytearray(picture.read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "retouched.jpg").write_bytes(data)
        output = visitor.run("verify", "--proof", PROOF, "retouched.jpg", status=1)
        check("NOT PROVED" in output, "the output should say that the file is not proved")
    with steps.step("The name in the proof is changed, and verification fails."):
        genuine = (folder / PROOF).read_text("utf-8")
        forged = genuine.replace(f'"name":"photos/{picture.name}"', '"name":"photos/mine.jpg"')
        check(forged != genuine, "the proof should contain the photograph's name")
        (folder / "forged.proof").write_text(forged, "utf-8")
        output = visitor.run("verify", "--proof", "forged.proof", str(picture.relative_to(folder)), status=1)
        check("NOT PROVED" in output, "the output should say that the file is not proved")


def fingerprint(path: Path) -> str:
    """Return the SHA3-512 of a file in hex."""
    return hashlib.sha3_512(path.read_bytes()).hexdigest()


def get(url: str) -> tuple[int, dict[str, Any]]:
    """Send a GET request without a key; returns the status and the decoded JSON."""
    try:
        with _open(url, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def is_reachable(url: str) -> bool:
    """Return whether a server accepts requests at an address."""
    try:
        get(f"{url}/healthz")
    except OSError:
        return False
    return True


def main() -> int:
    """Run the demo and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, _on_sigterm)
    steps = Steps()
    folder = Path(tempfile.mkdtemp(prefix="hallmarket-demo-"))
    registry = None
    try:
        print("Hallmarket: anchor files, publish a table, sell a photograph, and verify all of it without a server.")
        registry = Registry(folder)
        run_steps(folder, registry, steps)
    except StepFailed as failed:
        print(f"\nThe demo failed: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"\nThe demo failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        if registry is not None:
            registry.clean_up()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nEvery step had the expected result, in {steps.elapsed_s:.1f} s. Next: make serve")
    return 0


def _on_sigterm(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second SIGTERM must not interrupt the cleanup
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
