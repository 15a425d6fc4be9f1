"""`hallmarket admin`: beside a running server and without one, with results as JSON and refusals in words."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from _support.members import Member
from _support.servers import HALLMARKET, Server, new_server

NOBODY = "0190a3c2-0000-7000-8000-000000000000"
VERBS = [
    "create-org",
    "create-user",
    "list-orgs",
    "list-users",
    "rename-org",
    "add-member",
    "set-role",
    "remove-member",
    "create-key",
    "revoke-key",
    "list-keys",
    "audit",
]


@pytest.fixture(scope="module")
def never_started() -> Iterator[Server]:
    """A server that has never been started."""
    with new_server(start=False) as stopped:
        yield stopped


@pytest.fixture(params=["running", "never started"])
def place(request: pytest.FixtureRequest, server: Server, never_started: Server) -> Server:
    """A server that runs, and one that does not."""
    return server if request.param == "running" else never_started


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key, shared by the tests of this file."""
    return server.new_member()


def refusal(server: Server, *arguments: str) -> str:
    """The words of a refused command; JSON on standard output and plain words on standard error must agree."""
    result = server.run_admin(*arguments)
    assert result.returncode == 1, result.stderr
    error = json.loads(result.stdout)["error"]
    assert (list(error), error["code"]) == (["code", "message", "details"], "REFUSED")
    words = str(error["message"])
    assert result.stderr == f"hallmarket: {words}\n"
    return words


def test_every_verb_works_with_and_without_a_server(place: Server) -> None:
    """Organization, person, key, list and revocation work beside a running server and on a folder without one."""
    organization = place.admin("create-org", "The Gazette", "--website", "gazette.example")
    assert organization["name"] == "The Gazette"
    username = f"jane.{uuid.uuid4().hex[:8]}"
    names = ["--firstname", "Jane", "--lastname", "Doe", "--email", "jane@gazette.example", "--role", "admin"]
    person = place.admin("create-user", username, "--org", organization["id"], *names)
    assert (person["username"], person["organization"]) == (username, organization["id"])
    scopes = ["--scopes", "media:read,users:read", "--name", "desk", "--expires", "2999-01-01"]
    key = place.admin("create-key", username, "--org", organization["id"], *scopes)
    assert key["key"].startswith("hm_")
    listed = next(one for one in place.admin("list-keys") if one["id"] == key["id"])
    assert listed["created"] is not None
    assert listed == listed | {
        "prefix": key["key"][:11],
        "name": "desk",
        "username": username,
        "organization": organization["id"],
        "scopes": ["media:read", "users:read"],
        "expires": "2999-01-01T00:00:00+00:00",
        "revoked": None,
        "lastUsed": None,
    }
    assert place.admin("revoke-key", key["id"])["id"] == key["id"]
    assert next(one for one in place.admin("list-keys") if one["id"] == key["id"])["revoked"] is not None


def test_key_made_without_a_server_works_once_there_is_one(never_started: Server) -> None:
    """What was made before the first start counts: the key works, and no second organization is made."""
    organization = never_started.admin("create-org", "Early")["id"]
    never_started.admin("create-user", "early", "--org", organization)
    key = never_started.admin("create-key", "early", "--org", organization)["key"]
    never_started.start()
    assert never_started.api_key == ""
    with never_started.client(key) as api:
        assert api.get("/v1/users").json()["total"] == 1


def test_key_works_at_once_beside_a_running_server(server: Server, member: Member) -> None:
    """A key made beside a running server is good at its first request."""
    key = server.admin("create-key", member.username, "--org", member.organization)["key"]
    with server.client(key) as api:
        (user,) = api.get("/v1/users").json()["items"]
    assert (user["id"], user["firstname"], user["organization"]["id"]) == (member.person, "Jane", member.organization)


def test_people_show_as_they_were_made(server: Server) -> None:
    """Names, website and organization given to the commands are what the users' listing shows; the e-mail is not."""
    organization = server.admin("create-org", "Größe & Söhne", "--website", "groesse.example")["id"]
    name = f"o_{uuid.uuid4().hex[:8]}"
    server.admin("create-user", name, "--org", organization, "--firstname", "Ö", "--email", "o@groesse.example")
    with server.client(server.admin("create-key", name, "--org", organization)["key"]) as api:
        response = api.get("/v1/users")
    (user,) = response.json()["items"]
    assert (user["firstname"], user["lastname"], user["profilePicture"]) == ("Ö", None, None)
    assert (user["organization"]["name"], user["organization"]["websiteUrl"]) == ("Größe & Söhne", "groesse.example")
    assert "o@groesse.example" not in response.text


REFUSALS = {
    "organization without a name": (["create-org", "  "], "needs a name"),
    "username taken": (["create-user", "admin"], "is taken"),
    "username in capitals": (["create-user", "Jane"], "is not a valid username"),
    "username empty": (["create-user", ""], "is not a valid username"),
    "username too long": (["create-user", "x" * 65], "is not a valid username"),
    "user of no organization": (["create-user", "newcomer", "--org", NOBODY], "There is no organization"),
    "key of nobody": (["create-key", "nobody-at-all"], "There is no user"),
    "key for no organization": (["create-key", "admin", "--org", NOBODY], "There is no organization"),
    "key of an unknown scope": (["create-key", "admin", "--scopes", "media:read,root"], "There is no scope 'root'"),
    "key that has expired": (["create-key", "admin", "--expires", "2001-01-01"], "is in the past"),
    "revocation of nothing": (["revoke-key", NOBODY], "There is no key"),
    "organization of a name too long": (["create-org", "x" * 201], "at most 200 characters"),
    "rename of nothing": (["rename-org", NOBODY, "New"], "There is no such organization"),
    "rename to nothing": (["rename-org", NOBODY, " "], "needs a name"),
    "rename to what is no text": (["rename-org", NOBODY, "\udcff"], "text of"),
    "member of nothing": (["add-member", "admin", "--org", NOBODY], "There is no organization"),
    "role in nothing": (["set-role", "admin", "--org", NOBODY, "--role", "admin"], "There is no organization"),
    "removal from nothing": (["remove-member", "admin", "--org", NOBODY], "There is no organization"),
    "members of nothing": (["list-users", "--org", NOBODY], "There is no organization"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals_say_why(server: Server, arguments: list[str], words: str) -> None:
    """A command that cannot be done ends with status 1 and a sentence that says why."""
    assert words in refusal(server, *arguments)


def test_key_for_a_foreign_organization_is_refused(server: Server, member: Member) -> None:
    """Nobody gets a key for an organization they do not belong to."""
    assert "is not a member of" in refusal(server, "create-key", "admin", "--org", member.organization)


@pytest.mark.parametrize(
    "arguments",
    [
        ["create-key", "admin", "--expires", "tomorrow"],
        ["create-key", "admin", "--org", "no-uuid"],
        ["create-user", "x", "--role", "king"],
        ["revoke-key", "no-uuid"],
        ["create-org"],
        ["delete-org", "x"],
        ["add-member", "admin"],
        ["set-role", "admin", "--org", NOBODY],
    ],
    ids=["time", "organization", "role", "id", "nothing", "verb", "no organization", "no role"],
)
def test_wrong_usage_ends_with_status_2(server: Server, arguments: list[str]) -> None:
    """A command that was written wrongly ends with status 2, and says how it is written."""
    result = server.run_admin(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("hallmarket: ")
    assert "--help)" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "USAGE"


def test_failed_command_leaves_nothing(server: Server) -> None:
    """A person whose organization is unknown is not made by halves."""
    name = f"half-{uuid.uuid4().hex[:8]}"
    refusal(server, "create-user", name, "--org", NOBODY)
    assert server.query("select count(*) from person where username = $1", name)[0][0] == 0


def test_expiry_may_have_any_zone(server: Server) -> None:
    """An expiry with a zone is that moment; one without is in UTC."""
    moment = (datetime.now(UTC) + timedelta(days=400)).replace(microsecond=0)
    local = moment.replace(tzinfo=None) + timedelta(hours=2)
    for text in (moment.isoformat(), local.isoformat() + "+02:00", moment.replace(tzinfo=None).isoformat()):
        made = server.admin("create-key", "admin", "--expires", text)
        assert datetime.fromisoformat(made["expires"]) == moment


def test_plain_output_is_for_people(server: Server) -> None:
    """Without --json a key is printed alone on the first line, and the list tells each key's state in words."""

    def run(*arguments: str) -> str:
        command = [HALLMARKET, "admin", *arguments, *server.database_options]
        return subprocess.run(command, env=server.environment, capture_output=True, text=True, check=True).stdout

    first, _, last = run("create-key", "admin").splitlines()
    assert first.startswith("hm_")
    assert "only time" in last
    key_id = last.split()[-1].rstrip(".")
    assert f"{first[:11]}…" in run("list-keys")
    assert "revoked" in run("revoke-key", key_id)
    (line,) = [line for line in run("list-keys").splitlines() if key_id in line]
    assert "revoked" in line
    assert "never" in line


def test_database_that_is_not_there_is_said_to_be_away() -> None:
    """Without a database behind the URL the command ends with status 1 and says so."""
    command = [HALLMARKET, "admin", "list-keys", "--database", "postgresql://nobody@127.0.0.1:1/nothing"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith("hallmarket: The database does not answer")


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb: str) -> None:
    """Every verb's help shows how it is used, and where its database is."""
    text = subprocess.run([HALLMARKET, "admin", verb, "--help"], capture_output=True, text=True, check=True).stdout
    assert f"  hallmarket admin {verb}" in text
    for option in ("--data", "--database", "--json"):
        assert option in text
