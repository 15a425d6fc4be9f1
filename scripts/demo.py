"""`make demo`: from thirty new files, a table and a sale to proofs that need nobody, told as it happens.

Everything is real: the server, its PostgreSQL, the command, the files. It all lives in a temporary folder and is gone
at the end. Ends with status 0 only if every step did what it promises, else it says which did not, with status 1.
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
from stage import Broken, Person, Registry, Story, check

PROOF = "photograph.proof"
TABLE, TABLE_PROOF = "harbour.parquet", "harbour.parquet.proof"
BOUGHT, LICENCE = "bought.jpg", "licence.json"
# No proxy of the environment stands between two programs of one machine.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def tell(folder: Path, registry: Registry, story: Story) -> None:
    """The whole story; raises Broken where a step breaks its promise."""
    with story.step("A registry starts on an empty folder, with a PostgreSQL of its own.") as say:
        registry.wait()
        say(f"It answers at {registry.url}")
    with story.step("A newsroom's morning: photographs, scans, reports, figures and notes.") as say:
        files = draw_newsroom(folder / "newsroom")
        say(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB, drawn just now")
    owner = Person(folder / "owner", registry.url, registry.api_key)
    anchor(story, owner, len(files))
    picture = max(files, key=lambda path: path.stat().st_size)
    photograph = str(picture.relative_to(folder))
    look_up(story, registry.url, picture)
    stranger = Person(folder / "stranger", registry.url)
    with story.step("The stranger checks entry, claims, place in the log and signature."):
        told = stranger.run("verify", photograph)
        check(f"{photograph}: proved" in told, "the photograph should be proved")
    with story.step("The stranger keeps the proof."):
        stranger.run("proof", photograph, "-o", PROOF)
    publish(story, owner)
    reader = sell(story, registry, photograph)
    with story.step("The registry stops.") as say:
        check(registry.stop() == 0, "the server should stop cleanly")
        check(not answers(registry.url), "nobody should answer any more")
        say("Server and PostgreSQL have ended; nobody answers any more.")
    with story.step("The proof still proves, without registry and without network."):
        told = stranger.run("verify", "--proof", PROOF, photograph)
        check(f"{photograph}: proved" in told, "the photograph should be proved without a server")
    with story.step("So does the table's, to the last row."):
        told = owner.run("verify", "--proof", TABLE_PROOF, TABLE)
        check(f"{TABLE}: proved" in told, "the table should be proved without a server")
    with story.step("And so does what the reader bought: this photograph, at that price, under those terms."):
        told = reader.run("verify", "--proof", LICENCE, BOUGHT)
        check("was bought" in told and "$12.50" in told, "the purchase should be proved without a server")
    tamper(story, folder, stranger, picture)


def anchor(story: Story, owner: Person, count: int) -> None:
    """The owner's part: one command over a folder, and once more."""
    with story.step("The newsroom anchors them all. Only fingerprints travel; the files stay where they are."):
        told = owner.run("anchor", "newsroom")
        check(f"{count} files: {count} anchored" in told, "every file should be anchored")
        check("anchored by checkpoint" in told, "every file should stand in the log by now")
    with story.step("Run again, the command finds nothing left to do."):
        told = owner.run("anchor", "newsroom")
        check(f"{count} files: {count} unchanged" in told, "every file should be remembered")


def look_up(story: Story, url: str, picture: Path) -> None:
    """A stranger's question, in plain HTTP."""
    with story.step(f"A stranger comes by {picture.name} and asks, with no key: is it known?") as say:
        digest = fingerprint(picture)
        asked_s = time.monotonic()
        status, answer = get(f"{url}/v1/public/media/{digest}")
        say(f"GET /v1/public/media/{digest[:16]}…  {status} in {(time.monotonic() - asked_s) * 1000:.1f} ms")
        check(status == 200 and answer["hash"] == digest, "the photograph should be known")
        say(f"name {answer['name']}, registered {answer['createdOn']}")
        say(f"leaf {answer['transaction']['transactionId'][:18]}…, checkpoint {answer['transaction']['blockNumber']}")
        status, answer = get(f"{url}/v1/public/media/{fingerprint(Path(__file__))}")
        say(f"and for a file that nobody anchored: {status} {answer['code']}")
        check(status == 404, "a file that nobody anchored should be unknown")


def publish(story: Story, owner: Person) -> None:
    """A table becomes a dataset, which answers questions and is pulled with what proves it."""
    with story.step("The newsroom publishes a table of figures: now the server holds it, as a dataset."):
        told = owner.run("publish", "newsroom/figures/harbour.csv", "--visibility", "organization")
        found = re.search(r"/datasets/(\S+)", told)
        check(found, "the table should be published as a dataset")
    assert found
    with story.step("It answers questions in SQL."):
        question = "select place, count(*) as hours, sum(visitors) as visitors from {{table}} group by place"
        told = owner.run("datasets", "query", found[1], question)
        check("harbour" in told and "500" in told, "all 500 hours should be counted")
    with story.step("Version 1 is pulled, checked against the log, with the proof beside it."):
        told = owner.run("datasets", "pull", found[1], "--version", "1", "-o", TABLE)
        check("500 rows, checked against the log" in told, "the version should be checked")


def sell(story: Story, registry: Registry, photograph: str) -> Person:
    """A photographer sells, a reader buys: money, right and licence move together. Returns the reader."""
    photographer, reader = registry.join("photographer"), registry.join("reader")
    with story.step("A photographer puts the photograph on sale, under terms of her own."):
        terms = "Print it and show it; do not sell it on."
        told = photographer.run("publish", photograph, "--price-usd", "12.50", "--license-text", terms)
        found = re.search(r"/files/(\S+)", told)
        check(found and "monetized" in told, "the photograph should be on sale")
    assert found
    with story.step("A reader has twenty dollars, of which the operator took note, and buys it.") as say:
        credit = ("credit", "reader", "20.00", "--currency", "usd")
        say(f"$ hallmarket admin {' '.join(credit)}")
        say(registry.operate(*credit).strip())
        told = reader.run("wallet", "buy", found[1], "--yes")
        licence = re.search(r"licences proof (\S+)", told)
        check(licence and "for $12.50" in told, "the photograph should be bought")
    assert licence
    with story.step("What was bought comes whole, and with a licence that stands in the log."):
        reader.run("assets", "download", found[1], "-o", BOUGHT)
        reader.run("licences", "proof", licence[1], "-o", LICENCE)
        check("$7.50" in reader.run("wallet", "balance"), "the reader should have paid once")
    return reader


def tamper(story: Story, folder: Path, stranger: Person, picture: Path) -> None:
    """What a proof is for: it holds for one file and no other, and cannot be bent."""
    with story.step("One byte of the photograph is changed, and the answer is no."):
        data = bytearray(picture.read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "retouched.jpg").write_bytes(data)
        told = stranger.run("verify", "--proof", PROOF, "retouched.jpg", status=1)
        check("NOT PROVED" in told, "the no should be said in words")
    with story.step("The proof is changed to claim another name, and the answer is no."):
        genuine = (folder / PROOF).read_text("utf-8")
        forged = genuine.replace(f'"name":"photos/{picture.name}"', '"name":"photos/mine.jpg"')
        check(forged != genuine, "the proof should hold the photograph's name")
        (folder / "forged.proof").write_text(forged, "utf-8")
        told = stranger.run("verify", "--proof", "forged.proof", str(picture.relative_to(folder)), status=1)
        check("NOT PROVED" in told, "the no should be said in words")


def fingerprint(path: Path) -> str:
    """The SHA3-512 of a file, as anybody computes it."""
    return hashlib.sha3_512(path.read_bytes()).hexdigest()


def get(url: str) -> tuple[int, dict[str, Any]]:
    """A plain HTTP GET, with no key: status and JSON."""
    try:
        with _open(url, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def answers(url: str) -> bool:
    """Whether anybody answers at an address."""
    try:
        get(f"{url}/healthz")
    except OSError:
        return False
    return True


def main() -> int:
    """Run the demo and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, _stopped)
    story = Story()
    folder = Path(tempfile.mkdtemp(prefix="hallmarket-demo-"))
    registry = None
    try:
        print("Hallmarket: anchor files, publish a table, sell a photograph, prove all of it without anybody's help.")
        registry = Registry(folder)
        tell(folder, registry, story)
    except Broken as broken:
        print(f"\nThe demo broke: {broken}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"\nThe demo broke: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        if registry is not None:
            registry.clean_up()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nEvery step did what it promised, in {story.seconds:.1f} s. Next: make serve")
    return 0


def _stopped(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; the cleaning up goes on to its end
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
