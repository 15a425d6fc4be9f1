"""`hallmarket verify --proof licence.json` offline, and `hallmarket licences` against a real server."""

import hashlib
import json
import uuid

import pytest
from pyarrow import parquet

from _support.datasets import ROWS, make_dataset
from _support.organizations import new_organization
from _support.purchases import FOR_SALE, buy, make_for_sale
from _support.small_log import SmallLog, flip_bit
from hallmarket.client import VersionProof
from hallmarket.proof.entry import LicenceClaims, LicencePrice
from hallmarket.proof.manifest import Manifest, ManifestColumn, ManifestFile

CONTENT = b"Kodachrome, box 12"
BUYER, SELLER, ASSET = (str(uuid.uuid4()) for _ in range(3))


def claims_of(**fields):
    """Return the claims of a purchase, of the file unless `fields` change it."""
    file = {"sha3_512": hashlib.sha3_512(CONTENT).hexdigest(), "size": len(CONTENT)}
    asset = {"asset": ASSET, "assetName": "scan_1944.tif", "assetType": "file", "buyer": BUYER, "seller": SELLER}
    terms = {"license": "CC-BY-4.0", "licenseText": "But\nname us.", "organization": None, "version": None}
    when = {"createdOn": "2026-11-22T04:05:06.789012+00:00", "price": LicencePrice(1200, "usd")}
    return LicenceClaims(**(asset | file | terms | when | fields))


@pytest.fixture
def log(home):
    """A log with a few entries, whose key is in the home folder."""
    log = SmallLog().fill(3)
    (home.folder / "log.vkey").write_text(log.vkey)
    return log


@pytest.fixture
def write_licence(log, write):
    """Write the proof of a purchase with these claims, and return the index of its entry."""

    def write_purchase(**fields):
        index = log.add_licence(claims_of(**fields))
        log.fill(2)
        write("licence.json", log.bundle(index).encode())
        return index

    return write_purchase


@pytest.fixture
def verify(home):
    """Verify `licence.json` offline with the log's key, and return the verdict."""

    def run(*files, status=0):
        return home.json("verify", "--proof", "licence.json", "--log-key", "log.vkey", *files, status=status)["files"][
            0
        ]

    return run


def test_a_purchase_is_shown_to_people(home, write_licence, write):
    """The proof of a purchase shows what was bought, by whom, from whom, at which price and terms, and when."""
    index = write_licence()
    write("scan_1944.tif", CONTENT)
    result = home.run("verify", "--proof", "licence.json", "--log-key", "log.vkey", "scan_1944.tif")
    assert (result.returncode, result.stderr) == (0, "")
    for text in (
        "scan_1944.tif: proved",
        "what      the file “scan_1944.tif” was bought\n",
        f"asset     {ASSET}\n",
        "file      this very file, 18 bytes with SHA3-512 ",
        f"buyer     {BUYER}\n",
        f"seller    {SELLER}\n",
        "price     $12.00\n",
        "terms     CC-BY-4.0\n            But\\nname us.\n",
        f"is entry {index} of the log log.example/small\n",
        "no server was asked",
        "bought 2026-11-22T04:05:06.789012+00:00: by the word of the log's operator",
    ):
        assert text in result.stdout, text


def test_a_purchase_is_shown_as_json(write_licence, verify):
    """Without a file the licence alone is proved; --json has every claim, and the file's fingerprint from them."""
    index = write_licence(price=LicencePrice(250_000, "btc"))
    verdict = verify()
    assert (verdict["proved"], verdict["path"], verdict["index"]) == (True, None, index)
    assert (verdict["hash"], verdict["size"]) == (hashlib.sha3_512(CONTENT).hexdigest(), len(CONTENT))
    assert verdict["claims"]["price"] == {"amount": 250_000, "currency": "btc"}
    assert (verdict["claims"]["buyer"], verdict["claims"]["licenseText"]) == (BUYER, "But\nname us.")


def test_another_file_was_not_bought(write_licence, verify, write):
    """A file with one changed byte, or any file for a licence without one, is not proved."""
    write_licence()
    write("scan_1944.tif", flip_bit(CONTENT, 3))
    assert "another file" in verify("scan_1944.tif", status=1)["reason"]
    write_licence(sha3_512=None, size=None, assetType="post")
    assert "not for a file" in verify("scan_1944.tif", status=1)["reason"]


def test_changed_licences_are_refused(write_licence, verify, write, log):
    """A licence with any changed claim is not proved."""
    wire = json.loads(log.bundle(write_licence()).encode())
    for changed in ({"price": {"amount": 1, "currency": "usd"}}, {"buyer": SELLER}, {"license": None}, {"version": 1}):
        write("licence.json", json.dumps(wire | {"claims": wire["claims"] | changed}).encode())
        assert verify(status=1)["proved"] is False, changed


def test_a_licence_without_claims(home, write_licence, verify, write, log):
    """Without its claims a proof shows that something was bought, and proves no file."""
    wire = json.loads(log.bundle(write_licence()).encode()) | {"claims": None, "salt": None}
    write("licence.json", json.dumps(wire).encode())
    write("scan_1944.tif", CONTENT)
    assert verify()["hash"] is None
    assert "not disclosed" in home.run("verify", "--proof", "licence.json", "--log-key", "log.vkey").stdout
    assert "not disclosed" in verify("scan_1944.tif", status=1)["reason"]


@pytest.fixture
def pulled(log, write):
    """Write a Parquet file and its version's proof, as `pull` does; returns the manifest."""

    def write_pulled(number, content=b"PAR1 as far as a fingerprint is concerned"):
        file = ManifestFile("a.parquet", 3, hashlib.sha3_512(content).hexdigest(), len(content))
        manifest = Manifest((ManifestColumn("id", "bigint"),), ASSET, (file,), 3, number)
        index = log.add_version(manifest)
        log.fill(1)
        write("stations.parquet", content)
        write("stations.parquet.proof", VersionProof(manifest.encode(), log.bundle(index)).encode())
        return manifest

    return write_pulled


def test_a_licence_covers_the_version_and_later_ones(home, write_licence, pulled, verify):
    """Files pulled from the version that was bought, or from a later one, are proved to be covered."""
    data = pulled(2).encode()
    manifest = {"sha3_512": hashlib.sha3_512(data).hexdigest(), "size": len(data)}
    write_licence(assetType="dataset", version=2, **manifest)
    verdict = verify("stations.parquet")
    assert (verdict["dataset"], verdict["version"], verdict["whole"]) == (ASSET, 2, True)
    assert verdict["hash"] == manifest["sha3_512"]
    pulled(3)
    text = home.run("verify", "--proof", "licence.json", "--log-key", "log.vkey", "stations.parquet").stdout
    assert "was bought, from version 2 on" in text
    assert f"file      all 3 rows of version 3 of the dataset {ASSET}, to the byte" in text


def test_the_manifest_alone_is_covered(write_licence, pulled, verify, write):
    """The manifest of the version that was bought is proved by itself."""
    data = pulled(2).encode()
    write_licence(assetType="dataset", version=2, sha3_512=hashlib.sha3_512(data).hexdigest(), size=len(data))
    write("manifest.json", data)
    assert verify("manifest.json")["proved"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"asset": BUYER}, "licence is for another dataset"),
        ({"version": 3}, "licence covers version 3"),
        ({"size": 1}, "another version 2"),
        ({"version": None, "assetType": "file"}, "another file"),
    ],
    ids=["dataset", "earlier", "manifest", "file"],
)
def test_other_pulled_files_are_not_covered(write_licence, pulled, verify, fields, reason):
    """Another dataset, an earlier version, or another version with the same number is not covered."""
    data = pulled(2).encode()
    manifest = {"sha3_512": hashlib.sha3_512(data).hexdigest(), "size": len(data)}
    write_licence(**({"assetType": "dataset", "version": 2} | manifest | fields))
    assert reason in verify("stations.parquet", status=1)["reason"]


@pytest.fixture
def purchase(home, server):
    """The home of a buyer, with a new licence."""
    with new_organization(server) as org:
        seller, buyer = org.with_unbound_key(org.admin), org.with_unbound_key(org.new_outsider())
        asset = make_for_sale(seller, CONTENT, "scan_1944.txt", license_id="CC-BY-4.0")
        licence = buy(server, buyer, asset)
        home.environment |= {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": buyer.member.key}
        yield home, licence, asset, buyer, seller


def test_licences_are_shown(purchase, server):
    """A buyer lists and shows a licence, as text and as JSON; the seller can show it too."""
    home, licence, asset, buyer, seller = purchase
    (line,) = home.run("licences", "list", "--role", "buyer").stdout.splitlines()[1:]
    assert line.split()[0] == licence
    assert [buyer.member.username, seller.member.username] == line.split()[-4:-2]
    assert home.run("licences", "list", "--ended").stdout == "no licences\n"
    assert [one["id"] for one in home.json("licences", "list", "--asset", asset)["licences"]] == [licence]
    text = home.run("licences", "show", licence).stdout
    for line in ("price     $12.00", "terms     CC-BY-4.0", f"asset     file {asset}"):
        assert line in text
    sold = home.json("licences", "show", licence, "--api-key", seller.member.key)
    assert (sold["id"], sold["fee"], sold["buyer"]["user_id"]) == (licence, 0, buyer.id)


def test_a_proof_is_saved_and_verified_offline(purchase, write, tmp_path):
    """The proof of a new purchase is waited for, verified and saved; then it proves the file offline."""
    home, licence, *_ = purchase
    saved = home.json("licences", "proof", licence, "-o", "licence.json")
    assert (saved["output"], saved["id"]) == ("licence.json", licence)
    write("scan_1944.txt", CONTENT)
    home.environment["HALLMARKET_SERVER"] = "http://127.0.0.1:9"
    result = home.run("verify", "--proof", "licence.json", "scan_1944.txt")
    assert result.returncode == 0, result.stdout
    assert "the file “scan_1944.txt” was bought" in result.stdout
    assert "remembered since" in result.stdout
    write("scan_1944.txt", CONTENT + b"!")
    assert home.run("verify", "--proof", "licence.json", "scan_1944.txt").returncode == 1


def test_a_sold_version_stays_available(purchase, server):
    """After the seller empties a table, its buyer still pulls the version that was sold, which the licence proves."""
    home, *_, buyer, seller = purchase
    dataset = make_dataset(seller, **FOR_SALE)["id"]
    licence = buy(server, buyer, dataset)
    seller.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": 9}], "mode": "overwrite"})
    seller.call("DELETE", f"/datasets/{dataset}/columns/mm")
    home.json("licences", "proof", licence, "-o", "licence.json")
    version = home.json("licences", "show", licence)["version"]
    pulled = home.json("datasets", "pull", dataset, "--version", version, "-o", "rain.parquet")
    assert (pulled["version"], pulled["rows"]) == (1, len(ROWS))
    assert home.json("verify", "--proof", "licence.json", "rain.parquet")["proved"]
    assert parquet.read_table(home.folder / "rain.parquet")["mm"].to_pylist() == [row["mm"] for row in ROWS]


def test_licences_of_others_do_not_exist(purchase, refused, server):
    """Another user's licence is reported as unknown, and no proof of it is written."""
    home, licence, *_ = purchase
    other = server.new_member().key
    assert "404 NOT_FOUND" in refused("licences", "show", licence, "--api-key", other, status=1)
    assert "404 NOT_FOUND" in refused("licences", "proof", licence, "--api-key", other, status=1)
    assert not (home.folder / "licence.json").exists()
