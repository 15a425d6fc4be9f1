"""`hallmarket datasets push` with lost, late or negative responses: against a scripted server and a real one."""

import json
from collections import Counter

import pytest

from _support.organizations import new_organization
from _support.scripted_server import scripted_server

DATASET = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
BEGINNING = (
    (200, {}, b'{"access_token":"t","refresh_token":"t","error":null}'),
    (200, {}, b'{"data":{"id":"01a1ffec-ac88-7702-aa4b-b7f53cbc6aed","username":"jane"}}'),
    (200, {}, b'{"data":[{"name":"id","type":"bigint"}]}'),
)
TAKEN = (200, {}, b'{"data":{"inserted":2,"updated":0,"skipped":0}}')
NO_VERSIONS = (200, {}, b'{"data":[],"pagination":{"hasMore":false}}')
CUT = (0, {}, b"")
TOO_LARGE = (413, {}, b"<html>too large</html>")


@pytest.fixture
def push_each(home, write):
    """Push a file of four rows once per list of options, to one server with these responses.

    Returns the runs, and the requests that contained rows.
    """
    write("rows.ndjson", b'{"id":1}\n{"id":2}\n{"id":3}\n{"id":4}\n')

    def run(responses, *runs):
        with scripted_server(*responses) as (url, bodies):
            home.environment |= {"HALLMARKET_SERVER": url, "HALLMARKET_API_KEY": "hm_key"}
            results = [home.run("datasets", "push", DATASET, "rows.ndjson", *options) for options in runs]
        return results, [json.loads(body) for body in bodies if b'"rows"' in body]

    return run


@pytest.fixture
def push(push_each):
    """Push that file once."""

    def run(*responses, options=()):
        (result,), sent = push_each((*BEGINNING, *responses), options)
        return result, sent

    return run


def test_a_batch_that_is_too_large_is_halved(push):
    """A batch that is too large for the server is sent in halves, and only the last half completes the version."""
    result, sent = push(TOO_LARGE, TAKEN, TAKEN, NO_VERSIONS)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "rows.ndjson: 4 inserted\n"
    assert [(len(one["rows"]), one["finalize"]) for one in sent] == [(4, True), (2, False), (2, True)]


def test_overwriting_in_halves(push):
    """Of a divided overwrite only the first part replaces the rows; the rest is appended."""
    _, sent = push(TOO_LARGE, TOO_LARGE, TAKEN, TAKEN, TAKEN, NO_VERSIONS, options=["--mode", "overwrite"])
    assert [(len(one["rows"]), one["mode"]) for one in sent[2:]] == [(1, "overwrite"), (1, "append"), (2, "append")]


def test_a_lost_response_to_an_append(push_each):
    """Rows that may have arrived are not sent again until the user chooses with --from-row."""
    responses = (*BEGINNING, CUT, *BEGINNING[:2], *BEGINNING, TAKEN, NO_VERSIONS)
    (lost, again, corrected), sent = push_each(responses, [], [], ["--from-row", "2"])
    assert (lost.returncode, again.returncode, corrected.returncode) == (3, 1, 0)
    assert "sent rows 1 to 4, which may have arrived" in again.stderr
    assert "--from-row 1 to send them, or --from-row 5 to continue after them" in again.stderr
    assert [[row["id"] for row in one["rows"]] for one in sent] == [[1, 2, 3, 4], [2, 3, 4]]


def test_an_append_continues_after_the_rows_sent(push_each):
    """Rows that an interrupted run has sent are not sent again."""
    refused = (403, {}, b'{"data":null,"error":{"message":"No.","code":"forbidden","status":403}}')
    responses = (*BEGINNING, TOO_LARGE, TAKEN, refused, *BEGINNING, TAKEN, NO_VERSIONS)
    (broken, again), sent = push_each(responses, [], [])
    assert (broken.returncode, again.returncode) == (1, 0)
    assert "2 rows were sent before: continuing after them" in again.stderr
    assert [row["id"] for row in sent[-1]["rows"]] == [3, 4]


def test_a_lost_response_to_an_upsert(push):
    """An upsert can be repeated with the same result, so it is sent until it is answered."""
    result, sent = push(CUT, TAKEN, NO_VERSIONS, options=["--mode", "upsert"])
    assert (result.returncode, len(sent)) == (0, 2), result.stderr


def test_from_row(push):
    """--from-row skips the rows before."""
    _, sent = push(TAKEN, NO_VERSIONS, options=["--from-row", "3"])
    assert sent[0]["rows"] == [{"id": 3}, {"id": 4}]


@pytest.fixture
def dataset(home, server, write):
    """The id of a new dataset of one row on the real server."""
    with new_organization(server) as org:
        home.environment |= {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": org.admin.member.key}
        write("first.ndjson", b'{"number":0}\n')
        yield home.json("publish", "first.ndjson")["files"][0]["id"]


def test_a_corrected_append_continues(home, dataset, write):
    """After a rejected batch, a corrected file with the proposed --from-row makes one version with every row once."""
    rows = [b'{"number":%d,"filler":"%s"}' % (number, b"x" * 1000) for number in range(1, 8001)]
    rows[7000] = b'{"number":"seven thousand"}'
    write("more.ndjson", b"\n".join(rows))
    refused = home.run("datasets", "push", dataset, "more.ndjson")
    assert refused.returncode == 1
    assert "seven thousand" in refused.stderr
    start = refused.stderr.rpartition("--from-row ")[2].strip()
    assert 2 <= int(start) <= 7001
    rows[7000] = b'{"number":7001}'
    write("more.ndjson", b"\n".join(rows))
    pushed = home.json("datasets", "push", dataset, "more.ndjson", "--from-row", start)
    assert (pushed["version"]["number"], pushed["version"]["rows"]) == (2, 8001)
    home.json("datasets", "pull", dataset, "-o", "all.ndjson")
    with (home.folder / "all.ndjson").open() as file:
        assert Counter(json.loads(line)["number"] for line in file) == Counter(range(8001))


def test_a_finished_push_leaves_no_state(home, dataset, write):
    """A push that is finished, or of which nothing was accepted, leaves no state file."""
    write("bad.ndjson", b'{"number":"x"}\n')
    assert home.run("datasets", "push", dataset, "bad.ndjson").returncode == 1
    write("more.ndjson", b'{"number":1}\n')
    assert home.json("datasets", "push", dataset, "more.ndjson")["inserted"] == 1
    assert list((home.folder / ".local/state/hallmarket/pushes").iterdir()) == []
