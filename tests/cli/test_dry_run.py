"""`hallmarket anchor --dry-run`: fingerprints without a server."""

import hashlib
import os
import subprocess
import sys

import pytest


def sha(data):
    """Return the SHA3-512 of bytes in hexadecimal."""
    return hashlib.sha3_512(data).hexdigest()


def test_dry_run_lists_hashes_like_sha512sum(home, write):
    """Without a server or a key every file is listed as `hash  path`; the summary goes to stderr."""
    write("album/a.jpg", b"a")
    write("album/sub/b.jpg", b"b")
    result = home.run("anchor", "album", "--dry-run")
    assert result.returncode == 0
    assert sorted(result.stdout.splitlines()) == sorted([f"{sha(b'a')}  album/a.jpg", f"{sha(b'b')}  album/sub/b.jpg"])
    assert "2 files: 2 fingerprinted" in result.stderr
    assert not (home.folder / ".local").exists()


def test_dry_run_as_json(home, write):
    """With --json the output is one document: an object per file, then the counts."""
    write("album/a.jpg", b"abc")
    os.mkfifo(home.folder / "album/fifo")
    output = home.json("anchor", "album", "none.jpg", "--dry-run", status=1)
    rows = {row["path"]: row for row in output["files"]}
    assert rows["album/a.jpg"] == {"path": "album/a.jpg", "outcome": "fingerprinted", "hash": sha(b"abc"), "size": 3}
    assert rows["album/fifo"]["outcome"] == "skipped"
    assert rows["none.jpg"]["reason"] == "there is no such file or folder"
    assert (output["fingerprinted"], output["skipped"], output["failed"], output["exit_status"]) == (1, 1, 1, 1)


def test_an_empty_folder_is_not_a_failure(home):
    """A folder without files succeeds, as text and as JSON."""
    (home.folder / "empty").mkdir()
    assert home.run("anchor", "empty", "--dry-run").returncode == 0
    assert home.json("anchor", "empty", "--dry-run")["files"] == []


def test_unreadable_paths_do_not_stop_the_others(home, write):
    """Every path that fails is named with its reason, and the exit status is 1."""
    write("a.jpg", b"a")
    (home.folder / "broken").symlink_to("nowhere")
    result = home.run("anchor", "a.jpg", "broken", "gone.jpg", "--dry-run")
    assert result.returncode == 1
    assert result.stdout == f"{sha(b'a')}  a.jpg\n"
    assert "hallmarket: broken: is a broken link\n" in result.stderr
    assert "hallmarket: gone.jpg: there is no such file or folder\n" in result.stderr


def test_quiet_prints_errors_only(home, write):
    """With --quiet stdout is empty, and stderr has only failures."""
    write("a.jpg")
    result = home.run("anchor", "a.jpg", "gone.jpg", "--dry-run", "--quiet")
    assert (result.stdout, result.stderr) == ("", "hallmarket: gone.jpg: there is no such file or folder\n")


def test_names_that_are_not_utf8(home):
    """A name of any bytes is listed with exactly these bytes, and escaped in messages and JSON."""
    name = b"caf\xe9\x1b[31m.jpg"
    (home.folder / os.fsdecode(name)).write_bytes(b"x")
    listed = home.run("anchor", name, "--dry-run", text=False)
    assert listed.stdout == sha(b"x").encode() + b"  " + name + b"\n"
    output = home.json("anchor", name, "--dry-run")
    assert output["files"][0]["path"] == "caf\\xe9\\x1b[31m.jpg"
    missing = home.run("anchor", b"no\xff\x07", "--dry-run")
    assert missing.stderr.startswith("hallmarket: no\\xff\\x07: there is no such")


def test_names_with_line_feeds_are_escaped_as_sha512sum_does(home, write):
    """A line feed in a name cannot forge a line of the list."""
    write("a\nb\\c", b"x")
    result = home.run("anchor", ".", "--dry-run")
    assert result.stdout == f"\\{sha(b'x')}  a\\nb\\\\c\n"


@pytest.mark.parametrize("jobs", [1, 4])
def test_thousands_of_files(home, write, jobs):
    """Three thousand files give three thousand lines with any number of processes."""
    expected = set()
    for number in range(3000):
        data = b"%d" % number
        write(f"many/{number % 7}/{number}", data)
        expected.add(f"{sha(data)}  many/{number % 7}/{number}")
    result = home.run("anchor", "many", "--dry-run", "--jobs", jobs)
    assert set(result.stdout.splitlines()) == expected


def test_a_dry_run_imports_nothing_heavy(home, write):
    """A dry run imports neither httpx nor rich nor the server, so the command starts quickly."""
    write("a.jpg")
    program = (
        "import sys; sys.argv = ['hallmarket', 'anchor', '--dry-run', '--quiet', 'a.jpg']\n"
        "from hallmarket.cli.main import main\n"
        "status = main()\n"
        "heavy = {'httpx', 'rich', 'msgspec', 'litestar', 'asyncpg', 'cryptography', 'sqlite3', 'multiprocessing'}\n"
        "sys.exit(status or ', '.join(heavy & set(sys.modules)) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=home.folder, env=home.environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_closed_pipe(home, write):
    """`hallmarket anchor --dry-run | head -1` ends without an error message."""
    for number in range(2000):
        write(f"many/{number}")
    process = home.start("anchor", "many", "--dry-run", "--quiet", "--json")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
