"""`hallmarket anchor` against a real server."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from _support.servers import HALLMARKET, new_server
from _support.waiting import wait_until

LONG_AGO = (1_700_000_000, 1_700_000_000)


def sha(data):
    """Return the SHA3-512 of bytes in hexadecimal."""
    return hashlib.sha3_512(data).hexdigest()


@pytest.fixture
def at_server(home, server):
    """The home of a user whose environment names the server and a key."""
    home.environment |= {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": server.api_key}
    return home


@pytest.fixture
def in_own_org(at_server, member):
    """The same home with the key of an organization without items."""
    at_server.environment["HALLMARKET_API_KEY"] = member.key
    return at_server


@pytest.fixture
def unique(write):
    """Write a file with unique content, modified long ago, and return its path and bytes."""

    def write_unique(name, size=40):
        data = os.urandom(size)
        path = write(name, data)
        os.utime(path, LONG_AGO)
        return path, data

    return write_unique


def outcomes(output):
    """Return the outcomes in the output of --json by path."""
    return {row["path"]: row["outcome"] for row in output["files"]}


def test_a_folder_is_anchored(in_own_org, unique, api):
    """Every file is in the registry and in the log when the command ends, named by its path below the folder."""
    files = {name: unique(f"album/{name}")[1] for name in ("a.jpg", "sub/b.jpg")}
    output = in_own_org.json("anchor", "album", "--metadata", '{"box": 12}')
    assert (output["anchored"], output["failed"], output["exit_status"]) == (2, 0, 0)
    assert output["log"]["size"] >= 2
    assert output["log"]["checkpoint"] >= 1
    items = {item["name"]: item for item in api.get("/v1/media").json()["items"]}
    assert {name: items[name]["hash"] for name in items} == {name: sha(data) for name, data in files.items()}
    for row in output["files"]:
        item = items[row["path"].removeprefix("album/")]
        assert (item["id"], item["status"], item["metadata"]) == (row["id"], 3, '{"box": 12}')


def test_the_summary(at_server, unique):
    """Without --json the last lines show how many files, how fast, and the position in the log."""
    unique("photo.jpg")
    result = at_server.run("anchor", "photo.jpg")
    assert result.returncode == 0
    assert result.stderr == ""
    assert re.search(
        r"^1 file: 1 anchored\n40 bytes in .*/s\)\nanchored by checkpoint [\d,]+ of the log \S+, now [\d,]+ entr",
        result.stdout,
    )


def test_a_second_run_reads_and_sends_nothing(in_own_org, unique, api):
    """Unchanged files are skipped by the state file; --rehash sends them again and finds them anchored."""
    unique("album/a.jpg")
    path, _ = unique("album/b.jpg")
    in_own_org.json("anchor", "album")
    again = in_own_org.json("anchor", "album")
    assert (again["unchanged"], again["anchored"], again["bytes"]) == (2, 0, 0)
    assert in_own_org.json("anchor", "album", "--rehash")["already_anchored"] == 2
    path.write_bytes(b"changed " + os.urandom(16))
    third = in_own_org.json("anchor", "album")
    assert outcomes(third) == {"album/a.jpg": "unchanged", "album/b.jpg": "anchored"}
    assert api.get("/v1/media").json()["total"] == 3


def test_a_lost_state_file_costs_only_time(in_own_org, unique, api):
    """Without its state file the command finds every file anchored and anchors nothing twice."""
    unique("a.jpg")
    first = in_own_org.json("anchor", "a.jpg")
    in_own_org.state.unlink()
    second = in_own_org.json("anchor", "a.jpg")
    assert outcomes(second) == {"a.jpg": "already_anchored"}
    assert second["files"][0]["id"] == first["files"][0]["id"]
    assert api.get("/v1/media").json()["total"] == 1


def test_one_content_in_two_files(at_server, unique, write):
    """A second file with the same bytes is already anchored, which is not a failure."""
    _, data = unique("a.jpg")
    write("b.jpg", data)
    output = at_server.json("anchor", "a.jpg", "b.jpg", "--jobs", 1)
    assert (output["anchored"], output["already_anchored"], output["exit_status"]) == (1, 1, 0)


def test_a_file_that_another_organization_registered(at_server, server, unique):
    """A hash of another organization counts as known, without an id, and is not a failure."""
    unique("a.jpg")
    at_server.json("anchor", "a.jpg", "--api-key", server.new_member().key, "--state", "theirs.sqlite3")
    output = at_server.json("anchor", "a.jpg")
    assert (outcomes(output), output["exit_status"]) == ({"a.jpg": "registered_elsewhere"}, 0)
    assert "id" not in output["files"][0]


def test_unreadable_files_do_not_stop_the_others(at_server, unique, home):
    """Unreadable files are named, the others are anchored, and the status is 1."""
    unique("album/a.jpg")
    (home.folder / "album/broken").symlink_to("nowhere")
    os.mkfifo(home.folder / "album/fifo")
    result = at_server.run("anchor", "album", "gone.jpg")
    assert result.returncode == 1
    assert "4 files: 1 anchored, 1 skipped, 2 failed" in result.stdout
    for line in ("album/broken: is a broken link", "album/fifo: is a fifo", "gone.jpg: there is no such"):
        assert f"hallmarket: {line}" in result.stderr


def test_names_are_adapted_to_the_registry(in_own_org, api, home):
    """Invalid UTF-8 is replaced, and a very long path is cut at its beginning."""
    folder = home.folder / "album" / "/".join(["d" * 200] * 6)
    folder.mkdir(parents=True)
    (folder / "leaf.jpg").write_bytes(os.urandom(8))
    (home.folder / "album" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(os.urandom(8))
    assert in_own_org.json("anchor", "album")["anchored"] == 2
    names = sorted((item["name"] for item in api.get("/v1/media").json()["items"]), key=len)
    assert names[0] == "caf�.jpg"
    assert len(names[1]) == 1024
    assert names[1].startswith("…")
    assert names[1].endswith("/leaf.jpg")


def test_metadata_from_a_file(in_own_org, unique, write, api):
    """--metadata @FILE reads the metadata from a file."""
    unique("a.jpg")
    write("meta.xml", "<scan år='1944'/>".encode())
    in_own_org.json("anchor", "a.jpg", "--metadata", "@meta.xml")
    assert api.get("/v1/media").json()["items"][0]["metadata"] == "<scan år='1944'/>"


def test_a_key_from_a_file(at_server, unique, write, server):
    """--api-key-file reads the key from a file, which other users cannot see in the process list."""
    unique("a.jpg")
    del at_server.environment["HALLMARKET_API_KEY"]
    write("key", f"{server.api_key}\n".encode())
    assert at_server.json("anchor", "a.jpg", "--api-key-file", "key")["anchored"] == 1


def test_a_key_that_may_only_anchor(at_server, server, unique):
    """A key without the right to read can anchor, and waits for the log by the public endpoint."""
    unique("a.jpg")
    output = at_server.json("anchor", "a.jpg", "--api-key", server.new_member(scopes="media:anchor").key)
    assert output["anchored"] == 1
    assert output["log"]["checkpoint"] >= 1


def test_a_rejected_key(at_server, write):
    """A key that the server does not know ends the run immediately, with status 3 and one line."""
    write("a.jpg")
    result = at_server.run("anchor", "a.jpg", "--api-key", "hm_wrong")
    assert result.returncode == 3
    assert result.stderr.startswith("hallmarket: the server rejects the API key: ")
    assert result.stderr.count("\n") == 1
    output = at_server.json("anchor", "a.jpg", "--api-key", "hm_wrong", status=3)
    assert (output["error"]["code"], output["files"]) == ("UNAUTHENTICATED", [])


def test_no_wait_returns_without_the_log(at_server, unique):
    """--no-wait ends the command as soon as every file is accepted."""
    unique("a.jpg")
    output = at_server.json("anchor", "a.jpg", "--no-wait")
    assert (output["anchored"], output["log"]) == (1, None)


def test_thousands_of_files_in_batches(in_own_org, home, api):
    """Five thousand files take several batches, and each has its outcome."""
    (home.folder / "many").mkdir()
    salt = os.urandom(8)
    for number in range(5000):
        (home.folder / f"many/{number}").write_bytes(b"%d" % number + salt)
    output = in_own_org.json("anchor", "many")
    assert output["anchored"] == 5000
    assert {row["path"]: row["hash"] for row in output["files"]} == {
        f"many/{number}": sha(b"%d" % number + salt) for number in range(5000)
    }
    assert api.get("/v1/media").json()["total"] == 5000


def test_an_interrupted_run_continues(in_own_org, home, api):
    """After Ctrl-C the acknowledged files are recorded, and the next run sends only the rest."""
    (home.folder / "many").mkdir()
    salt = os.urandom(8)
    for number in range(8000):
        path = home.folder / f"many/{number}"
        path.write_bytes(b"%d" % number + salt)
        os.utime(path, LONG_AGO)
    with (home.folder / "many/huge").open("wb") as file:
        file.truncate(4_000_000_000)
    process = in_own_org.start("anchor", "many")
    wait_until(lambda: _remembered(in_own_org.state) >= 2000, timeout_s=60)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(rb"hallmarket: interrupted; [\d,]+ files of this run are anchored and recorded: .*\n", error)
    remembered = _remembered(in_own_org.state)
    assert remembered == api.get("/v1/media").json()["total"]
    (home.folder / "many/huge").unlink()
    output = in_own_org.json("anchor", "many")
    assert (output["unchanged"], output["unchanged"] + output["anchored"]) == (remembered, 8000)
    assert api.get("/v1/media").json()["total"] == 8000


def _remembered(path):
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            count = db.execute("select count(*) from file").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    db.close()
    return count


def test_two_commands_on_one_folder(in_own_org, home, api):
    """Two runs at the same time share the work and the state file, and anchor nothing twice."""
    (home.folder / "many").mkdir()
    for number in range(1500):
        (home.folder / f"many/{number}").write_bytes(os.urandom(16))
    first, second = (in_own_org.start("anchor", "many", "--json") for _ in range(2))
    outputs = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
    assert [output["exit_status"] for output in outputs] == [0, 0]
    assert sum(output["anchored"] for output in outputs) == 1500
    assert api.get("/v1/media").json()["total"] == 1500


def test_progress_on_a_terminal(at_server, unique):
    """On a terminal a line shows files, bytes and time left, and the summary follows it."""
    unique("a.jpg", 3_000_000)
    command = f"{HALLMARKET} anchor a.jpg"
    result = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=at_server.folder,
        env=at_server.environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0
    assert "1 of 1 file" in result.stdout
    assert "MB" in result.stdout
    assert "1 file: 1 anchored" in result.stdout


def test_a_restarted_server(home, write):
    """If the server is restarted during a run, the command waits and continues, and no file is missing."""
    (home.folder / "many").mkdir()
    for number in range(300):
        (home.folder / f"many/{number}").write_bytes(os.urandom(20))
    with (home.folder / "many/slow").open("wb") as file:
        file.truncate(500_000_000)
    with new_server() as server:
        home.environment |= {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": server.api_key}
        process = home.start("anchor", "many", "--json")
        with server.client() as api:
            wait_until(lambda: api.get("/v1/media").json()["total"] >= 300)
        server.kill()
        server.start()
        output, _ = process.communicate(timeout=60)
        summary = json.loads(output)
        assert (process.returncode, summary["anchored"] + summary["already_anchored"]) == (0, 301)
