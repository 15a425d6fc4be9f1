"""`hallmarket verify` on pulled dataset versions: files, manifest, entry and log, online and offline."""

import hashlib
import json
from uuid import uuid4

import pytest

from _support.small_log import SmallLog, serve_log
from hallmarket.client import VersionProof
from hallmarket.proof.manifest import Manifest, ManifestColumn, ManifestFile

CONTENT = b"PAR1 as far as a fingerprint is concerned"
MORE = b"PAR1 and more rows"


def manifest_of(files):
    """Return a manifest of files by name, with three rows each."""
    listed = tuple(
        ManifestFile(name, 3, hashlib.sha3_512(content).hexdigest(), len(content)) for name, content in files.items()
    )
    return Manifest((ManifestColumn("id", "bigint"),), str(uuid4()), listed, 3 * len(listed), 2)


@pytest.fixture
def log():
    """A log with a few entries."""
    return SmallLog().fill(3)


@pytest.fixture
def pulled(home, write, log):
    """Write the files of a version and its proof, as `pull` does, and return the manifest."""
    (home.folder / "log.vkey").write_text(log.vkey)

    def write_pulled(name, files, **fields):
        manifest = manifest_of(files)
        index = log.add_version(manifest, **fields)
        log.fill(2)
        whole = len(files) == 1
        for file, content in files.items():
            write(name if whole else f"{name}/{file}", content)
        write(f"{name}.proof", VersionProof(manifest.encode(), log.bundle(index)).encode())
        return manifest

    return write_pulled


def offline(home, name, status):
    """Return the verdict on a file or folder without a network."""
    output = home.json("verify", "--proof", f"{name}.proof", "--log-key", "@log.vkey", name, status=status)
    return output["files"][0]


def test_a_pulled_file_is_proved_offline(home, pulled):
    """A version's only file is proved to be every row of it, by manifest, entry, inclusion and signature."""
    manifest = pulled("stations.parquet", {"a.parquet": CONTENT})
    verdict = offline(home, "stations.parquet", 0)
    assert (verdict["dataset"], verdict["version"], verdict["rows"]) == (manifest.dataset, 2, 3)
    assert (verdict["files"], verdict["whole"]) == (["a.parquet"], True)
    assert verdict["hash"] == hashlib.sha3_512(manifest.encode()).hexdigest()
    assert verdict["claims"]["name"] == "Stations"
    text = home.run("verify", "--proof", "stations.parquet.proof", "--log-key", "@log.vkey", "stations.parquet").stdout
    assert f"all 3 rows of version 2 of the dataset {manifest.dataset}, to the byte" in text


def test_a_pulled_file_is_proved_online(home, pulled, log):
    """With a server the proof next to the file is used, and the server's log is verified to contain it."""
    pulled("stations.parquet", {"a.parquet": CONTENT})
    with serve_log(log) as shown:
        output = home.json("verify", "stations.parquet", "--server", shown.url)
        assert not any("/v1/public" in request for request in shown.requests)
    assert output["files"][0]["log"]["size"] == len(log.entries)


def test_a_pulled_folder_is_proved_as_a_whole(home, pulled, write):
    """A folder is the version if it contains each of its files, and no other."""
    pulled("stations", {"a.parquet": CONTENT, "b.parquet": MORE})
    assert offline(home, "stations", 0)["whole"]
    write("stations/_SUCCESS", b"")
    assert offline(home, "stations", 0)["whole"]
    extra = write("stations/c.parquet", MORE)
    assert "c.parquet, which is not a file of the version" in offline(home, "stations", 1)["reason"]
    extra.rename(home.folder / "stations/.c.parquet")
    assert "not a file of the version" in offline(home, "stations", 1)["reason"]
    (home.folder / "stations/.c.parquet").unlink()
    (home.folder / "stations/b.parquet").rename(home.folder / "elsewhere")
    assert "b.parquet is missing" in offline(home, "stations", 1)["reason"]


def test_one_file_of_several(home, pulled):
    """One of several files is proved to be a part of the version."""
    manifest = pulled("stations", {"a.parquet": CONTENT, "b.parquet": MORE})
    name = "stations/b.parquet"
    run = home.run("verify", "--proof", "stations.proof", "--log-key", "@log.vkey", name)
    assert f"3 rows of the 6 of version 2 of the dataset {manifest.dataset}: one of its 2 files" in run.stdout


@pytest.mark.parametrize("at", [0, 20, -1])
def test_a_changed_byte_is_refused(home, pulled, at):
    """A pulled file with any changed byte is not a file of the version."""
    pulled("stations.parquet", {"a.parquet": CONTENT})
    changed = bytearray(CONTENT)
    changed[at] ^= 1
    (home.folder / "stations.parquet").write_bytes(changed)
    verdict = offline(home, "stations.parquet", 1)
    assert (verdict["code"], "not one of the version's files" in verdict["reason"]) == ("NOT_PROVED", True)


def test_a_changed_manifest_is_refused(home, pulled):
    """A manifest that names other bytes is not the one in the log."""
    pulled("stations.parquet", {"a.parquet": CONTENT})
    path = home.folder / "stations.parquet.proof"
    wire = json.loads(path.read_text())
    wire["manifest"] = manifest_of({"a.parquet": MORE}).encode().decode()
    path.write_text(json.dumps(wire))
    (home.folder / "stations.parquet").write_bytes(MORE)
    assert "fingerprints differ" in offline(home, "stations.parquet", 1)["reason"]


def test_claims_of_another_version_are_refused(home, pulled):
    """Claims about another version than the manifest prove nothing about this one."""
    pulled("stations.parquet", {"a.parquet": CONTENT}, version=3)
    assert "claims are about another version" in offline(home, "stations.parquet", 1)["reason"]


def test_a_csv_is_not_proved(home, pulled, write):
    """A converted file is not proved, and the reason says what to do instead."""
    pulled("stations.parquet", {"a.parquet": CONTENT})
    write("stations.csv", b"id\n1\n")
    (home.folder / "stations.parquet.proof").rename(home.folder / "stations.csv.proof")
    assert "pull with --format parquet" in offline(home, "stations.csv", 1)["reason"]


def test_the_proof_of_a_file_is_not_a_version_proof(home, log, write):
    """A media item's bundle next to a file is verified as such."""
    index = log.add(CONTENT)
    write("photo.jpg", CONTENT)
    write("photo.jpg.proof", log.bundle(index).encode())
    (home.folder / "log.vkey").write_text(log.vkey)
    assert offline(home, "photo.jpg", 0)["hash"] == hashlib.sha3_512(CONTENT).hexdigest()
    with serve_log(log) as shown:
        assert home.json("verify", "photo.jpg", "--server", shown.url)["proved"]


@pytest.mark.parametrize("content", [b'{"manifest":1,"bundle":{}}', b'{"v":9,"manifest":"{}","bundle":{}}'])
def test_a_malformed_proof(home, log, write, content):
    """A malformed version proof is not proved, in one line."""
    write("stations.parquet", CONTENT)
    write("stations.parquet.proof", content)
    (home.folder / "log.vkey").write_text(log.vkey)
    assert offline(home, "stations.parquet", 1)["code"] == "NOT_PROVED"
