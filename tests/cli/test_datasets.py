"""`hallmarket datasets`, and publishing tables, against a real server."""

import csv
import hashlib
import json
import shutil

import pytest
from pyarrow import ipc, parquet

CSV = '''\
id,Name,mm,seen
1,Kodachrome,1.5,2026-01-01T12:00:00Z
2,,0.25,
9007199254740993,"Größe, ""9""",,2026-01-02T00:00:00.000001Z
'''
LAST = 'Größe, "9"'


@pytest.fixture
def dataset(at_server, write):
    """The id of a new dataset of three rows."""
    write("stations.csv", CSV.encode())
    (made,) = at_server.json("publish", "stations.csv")["files"]
    return made["id"]


def run_query(home, dataset, sql, *options):
    """Return the rows of a query."""
    return home.json("datasets", "query", dataset, sql, *options)["rows"]


def test_a_table_is_published_once(at_server, dataset, write, org):
    """A CSV becomes a dataset with column types; publishing it again finds the dataset, unless it was deleted."""
    again = at_server.json("publish", "stations.csv")["files"][0]
    assert (again["outcome"], again["id"], again["type"]) == ("already_published", dataset, "dataset")
    schema = org.admin.call("GET", f"/datasets/{dataset}/schema")
    assert [(column["name"], column["type"]) for column in schema] == [
        ("id", "bigint"),
        ("name", "text"),
        ("mm", "double precision"),
        ("seen", "timestamp with time zone"),
    ]
    at_server.json("assets", "delete", dataset, "--yes")
    assert at_server.json("publish", "stations.csv")["files"][0]["outcome"] == "published"


def test_list_and_show(at_server, dataset):
    """A dataset is listed, and shown with its size and columns."""
    assert dataset in [one["id"] for one in at_server.json("datasets", "list", "--scope", "personal")["datasets"]]
    lines = at_server.run("datasets", "show", dataset).stdout
    assert "size        3 rows of 4 columns" in lines
    assert lines.rstrip().endswith("timestamp with time zone")
    assert at_server.json("datasets", "show", dataset)["stats"]["count"] == 3


def test_query(at_server, dataset, write):
    """A result is printed as a table, CSV or JSON; an SQL error is reported as the server sends it, with status 1."""
    question = "select id, name from {{table}} order by id"
    assert run_query(at_server, dataset, question)[-1] == {"id": 9007199254740993, "name": LAST}
    assert at_server.run("datasets", "query", dataset, question).stdout.splitlines() == [
        "              id  name",
        "               1  Kodachrome",
        "               2",
        f"9007199254740993  {LAST}",
        "3 rows",
    ]
    write("question.sql", question.encode())
    output = at_server.run("datasets", "query", dataset, "@question.sql", "--csv", "--limit", "2")
    assert output.stdout == "id,name\n1,Kodachrome\n2,\n"
    failed = at_server.run("datasets", "query", dataset, "select nothing from {{table}}")
    assert (failed.returncode, "nothing" in failed.stderr) == (1, True)


def test_push_makes_one_version(at_server, dataset, write):
    """Rows are appended, replaced by key, and updated; each push is one version, and older versions stay."""
    write("more.ndjson", b'{"id":4,"name":"d"}\n{"id":5,"name":"e"}\n')
    pushed = at_server.json("datasets", "push", dataset, "more.ndjson")
    assert (pushed["inserted"], pushed["version"]["number"], pushed["version"]["rows"]) == (2, 2, 5)
    write("fix.csv", b"id,name\n4,D\n6,f\n")
    pushed = at_server.json("datasets", "push", dataset, "fix.csv", "--mode", "upsert")
    assert (pushed["inserted"], pushed["updated"]) == (1, 1)
    write("fix.csv", b"id,mm\n6,2.5\n7,1\n")
    pushed = at_server.json("datasets", "push", dataset, "fix.csv", "--mode", "update")
    assert (pushed["updated"], pushed["skipped"], pushed["version"]["number"]) == (1, 1, 4)
    assert run_query(at_server, dataset, "select name, mm from {{table}} where id in (4, 6) order by id") == [
        {"name": "D", "mm": None},
        {"name": "f", "mm": 2.5},
    ]
    assert run_query(at_server, dataset, "select count(*) as n from {{table}}", "--version", 1) == [{"n": 3}]
    listed = at_server.json("datasets", "versions", dataset)["versions"]
    assert [one["number"] for one in listed] == [4, 3, 2, 1]
    text = at_server.run("datasets", "push", dataset, "fix.csv", "--mode", "overwrite").stdout
    assert text == "fix.csv: 2 inserted; now version 5, 2 rows\n"


def test_a_push_in_batches(at_server, dataset, write):
    """A table larger than one request becomes one version, with its rows in order."""
    rows = b"".join(b'{"id":%d,"name":"%s"}\n' % (number, b"x" * 2000) for number in range(100, 4100))
    write("large.ndjson", rows)
    pushed = at_server.json("datasets", "push", dataset, "large.ndjson")
    assert (pushed["inserted"], pushed["version"]["number"], pushed["version"]["rows"]) == (4000, 2, 4003)
    assert not list((at_server.folder / ".local/state/hallmarket/pushes").glob("*.json"))


def test_an_invalid_row_changes_nothing(at_server, dataset, write):
    """A value that does not fit its column is named, with status 1, and no version is created."""
    write("bad.csv", b"id,name\n8,x\nnine,y\n")
    result = at_server.run("datasets", "push", dataset, "bad.csv")
    assert (result.returncode, "nine" in result.stderr) == (1, True)
    assert len(at_server.json("datasets", "versions", dataset)["versions"]) == 1


def test_pull_and_verify(at_server, dataset, write):
    """A pulled file is the version byte for byte, proved online and offline; a changed byte is detected."""
    write("more.ndjson", b'{"id":4,"name":"d"}\n')
    at_server.json("datasets", "push", dataset, "more.ndjson")
    pulled = at_server.json("datasets", "pull", dataset, "--version", "1", "-o", "first.parquet")
    assert (pulled["version"], pulled["rows"], pulled["proof"]) == (1, 3, "first.parquet.proof")
    assert parquet.read_table(at_server.folder / "first.parquet")["id"].to_pylist() == [1, 2, 9007199254740993]
    assert at_server.json("verify", "first.parquet")["files"][0]["dataset"] == dataset
    assert at_server.json("verify", "--proof", "first.parquet.proof", "first.parquet")["proved"]
    data = bytearray((at_server.folder / "first.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (at_server.folder / "first.parquet").write_bytes(data)
    assert not at_server.json("verify", "first.parquet", status=1)["proved"]
    # Pulled again, it is right again.
    assert at_server.run("datasets", "pull", dataset, "--version", "1", "-o", "first.parquet").returncode == 0
    assert at_server.json("verify", "first.parquet")["proved"]


def test_pull_writes_no_spreadsheet(at_server, dataset):
    """An output whose ending is not a supported format is refused, and nothing is written."""
    refused = at_server.run("datasets", "pull", dataset, "-o", "first.xlsx")
    assert (refused.returncode, "cannot be pulled as .xlsx" in refused.stderr) == (2, True)
    assert not (at_server.folder / "first.xlsx").exists()


def test_pull_a_version_of_several_files(at_server, dataset, write):
    """A version of several files is a folder, proved as a whole; other files in the folder are refused."""
    write("more.ndjson", b'{"id":4,"name":"d"}\n')
    at_server.json("datasets", "push", dataset, "more.ndjson")
    assert at_server.run("datasets", "pull", dataset, "-o", "newest").returncode == 0
    assert len(list((at_server.folder / "newest").iterdir())) == 2
    assert at_server.json("verify", "newest")["files"][0]["whole"]
    assert parquet.read_table(at_server.folder / "newest").num_rows == 4
    write("newest/notes.txt")
    assert "contains other files" in at_server.run("datasets", "pull", dataset, "-o", "newest").stderr


def test_pull_resumes(at_server, dataset):
    """Files of an earlier pull are not downloaded again, and a wrong partial file is detected."""
    at_server.json("datasets", "pull", dataset, "-o", "a.parquet")
    whole = (at_server.folder / "a.parquet").read_bytes()
    digest = hashlib.sha3_512(whole).hexdigest()
    (at_server.folder / f".b.parquet.{digest[:16]}.part").write_bytes(whole[:100])
    at_server.json("datasets", "pull", dataset, "-o", "b.parquet")
    assert (at_server.folder / "b.parquet").read_bytes() == whole
    (at_server.folder / f".c.parquet.{digest[:16]}.part").write_bytes(b"x" * 100)
    assert at_server.run("datasets", "pull", dataset, "-o", "c.parquet").returncode == 1
    assert at_server.run("datasets", "pull", dataset, "-o", "c.parquet").returncode == 0
    assert (at_server.folder / "c.parquet").read_bytes() == whole


def test_pull_other_formats(at_server, dataset):
    """CSV, JSON, NDJSON and Arrow are converted from the verified files in order, and no other file remains."""
    for form in ("csv", "json", "ndjson", "arrow"):
        assert at_server.run("datasets", "pull", dataset, "-o", f"out.{form}").returncode == 0
    with (at_server.folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["name"]) for row in rows] == [("1", "Kodachrome"), ("2", ""), ("9007199254740993", LAST)]
    read = json.loads((at_server.folder / "out.json").read_text())
    assert [row["id"] for row in read] == [1, 2, 9007199254740993]
    assert [json.loads(line) for line in (at_server.folder / "out.ndjson").read_text().splitlines()] == read
    with ipc.open_file(at_server.folder / "out.arrow") as file:
        assert file.read_all()["name"].to_pylist() == ["Kodachrome", None, LAST]
    left = {path.name for path in at_server.folder.iterdir()}
    assert left == {"stations.csv", "out.csv", "out.json", "out.ndjson", "out.arrow", ".config", ".local"}


def test_access_of_other_users(at_server, dataset, org):
    """A dataset does not exist for a user without access; a reader can pull but not push."""
    stranger, reader = org.new_outsider(), org.new_user()
    at_server.json("assets", "share", dataset, reader.id, "read")
    for verb in (["show"], ["pull"], ["versions"], ["query", "select 1 from {{table}}"]):
        arguments = [verb[0], dataset, *verb[1:]]
        assert "404" in at_server.run("datasets", *arguments, "--api-key", stranger.member.key).stderr
    assert at_server.run("datasets", "pull", dataset, "-o", "r.parquet", "--api-key", reader.member.key).returncode == 0
    refused = at_server.run("datasets", "push", dataset, "stations.csv", "--api-key", reader.member.key)
    assert (refused.returncode, "403" in refused.stderr) == (1, True)
    shutil.rmtree(at_server.folder / ".config")
