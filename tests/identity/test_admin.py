"""`hallmarket admin` for organizations, people and keys, with and without a running server."""

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
def any_server(request: pytest.FixtureRequest, server: Server, never_started: Server) -> Server:
    """A server that is running, and one that was never started."""
    return server if request.param == "running" else never_started


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key, shared by the tests of this file."""
    return server.new_member()


def refusal(server: Server, *arguments: str) -> str:
    """Run a command that must fail, and return its message, which standard output and standard error must agree on."""
    result = server.run_admin(*arguments)
    assert result.returncode == 1, result.stderr
    error = json.loads(result.stdout)["error"]
    assert (list(error), error["code"]) == (["code", "message", "details"], "REFUSED")
    message = str(error["message"])
    assert result.stderr == f"hallmarket: {message}\n"
    return message


def test_every_verb_works_with_and_without_a_server(any_server: Server) -> None:
    """Organizations, people and keys are created, listed and revoked with or without a running server."""
    organization = any_server.admin("create-org", "The Gazette", "--website", "gazette.example")
    assert organization["name"] == "The Gazette"
    username = f"jane.{uuid.uuid4().hex[:8]}"
    names = ["--firstname", "Jane", "--lastname", "Doe", "--email", "jane@gazette.example", "--role", "admin"]
    person = any_server.admin("create-user", username, "--org", organization["id"], *names)
    assert (person["username"], person["organization"]) == (username, organization["id"])
    scopes = ["--scopes", "media:read,users:read", "--name", "desk", "--expires", "2999-01-01"]
    key = any_server.admin("create-key", username, "--org", organization["id"], *scopes)
    assert key["key"].startswith("hm_")
    listed = next(listed for listed in any_server.admin("list-keys") if listed["id"] == key["id"])
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
    assert any_server.admin("revoke-key", key["id"])["id"] == key["id"]
    assert next(listed for listed in any_server.admin("list-keys") if listed["id"] == key["id"])["revoked"] is not None


def test_key_from_before_the_first_start_works(never_started: Server) -> None:
    """A key created before the first start works afterwards, and the first start creates no second organization."""
    organization = never_started.admin("create-org", "Early")["id"]
    never_started.admin("create-user", "early", "--org", organization)
    key = never_started.admin("create-key", "early", "--org", organization)["key"]
    never_started.start()
    assert never_started.api_key == ""
    with never_started.client(key) as api:
        assert api.get("/v1/users").json()["total"] == 1


def test_new_key_works_immediately(server: Server, member: Member) -> None:
    """A key created while the server is running works with its first request."""
    key = server.admin("create-key", member.username, "--org", member.organization)["key"]
    with server.client(key) as api:
        (user,) = api.get("/v1/users").json()["items"]
    assert (user["id"], user["firstname"], user["organization"]["id"]) == (member.person, "Jane", member.organization)


def test_users_have_the_given_details(server: Server) -> None:
    """The list of users shows the names, website and organization given to the commands, but not the email address."""
    organization = server.admin("create-org", "Größe & Söhne", "--website", "groesse.example")["id"]
    name = f"o_{uuid.uuid4().hex[:8]}"
    server.admin("create-user", name, "--org", organization, "--firstname", "Ö", "--email", "o@groesse.example")
    with server.client(server.admin("create-key", name, "--org", organization)["key"]) as api:
        response = api.get("/v1/users")
    (user,) = response.json()["items"]
    assert (user["firstname"], user["lastname"], user["profilePicture"]) == ("Ö", None, None)
    assert (user["organization"]["name"], user["organization"]["websiteUrl"]) == ("Größe & Söhne", "groesse.example")
    assert "o@groesse.example" not in response.text


FAILURES = {
    "organization without a name": (["create-org", "  "], "needs a name"),
    "username taken": (["create-user", "admin"], "is taken"),
    "username in capitals": (["create-user", "Jane"], "is not a valid username"),
    "username empty": (["create-user", ""], "is not a valid username"),
    "username too long": (["create-user", "x" * 65], "is not a valid username"),
    "user of an unknown organization": (["create-user", "newcomer", "--org", NOBODY], "There is no organization"),
    "key of an unknown user": (["create-key", "nobody-at-all"], "There is no user"),
    "key for an unknown organization": (["create-key", "admin", "--org", NOBODY], "There is no organization"),
    "key with an unknown scope": (["create-key", "admin", "--scopes", "media:read,root"], "There is no scope 'root'"),
    "key that has expired": (["create-key", "admin", "--expires", "2001-01-01"], "is in the past"),
    "revocation of an unknown key": (["revoke-key", NOBODY], "There is no key"),
    "organization name too long": (["create-org", "x" * 201], "at most 200 characters"),
    "rename of an unknown organization": (["rename-org", NOBODY, "New"], "There is no such organization"),
    "rename to an empty name": (["rename-org", NOBODY, " "], "needs a name"),
    "rename to invalid text": (["rename-org", NOBODY, "\udcff"], "text of"),
    "member of an unknown organization": (["add-member", "admin", "--org", NOBODY], "There is no organization"),
    "role in an unknown organization": (
        ["set-role", "admin", "--org", NOBODY, "--role", "admin"],
        "There is no organization",
    ),
    "removal from an unknown organization": (["remove-member", "admin", "--org", NOBODY], "There is no organization"),
    "members of an unknown organization": (["list-users", "--org", NOBODY], "There is no organization"),
}


@pytest.mark.parametrize(("arguments", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_failed_command_says_why(server: Server, arguments: list[str], message: str) -> None:
    """A command that fails ends with status 1 and a sentence that says why."""
    assert message in refusal(server, *arguments)


def test_key_needs_a_membership(server: Server, member: Member) -> None:
    """A key cannot be bound to an organization that its person is not a member of."""
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
    """A command with invalid arguments ends with status 2 and refers to its help."""
    result = server.run_admin(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("hallmarket: ")
    assert "--help)" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "USAGE"


def test_failed_command_changes_nothing(server: Server) -> None:
    """A person whose organization is unknown is not created."""
    name = f"half-{uuid.uuid4().hex[:8]}"
    refusal(server, "create-user", name, "--org", NOBODY)
    assert server.query("select count(*) from person where username = $1", name)[0][0] == 0


def test_expiry_has_any_time_zone(server: Server) -> None:
    """An expiry with a time zone is that moment; one without is in UTC."""
    moment = (datetime.now(UTC) + timedelta(days=400)).replace(microsecond=0)
    local = moment.replace(tzinfo=None) + timedelta(hours=2)
    for text in (moment.isoformat(), local.isoformat() + "+02:00", moment.replace(tzinfo=None).isoformat()):
        made = server.admin("create-key", "admin", "--expires", text)
        assert datetime.fromisoformat(made["expires"]) == moment


def test_output_without_json(server: Server) -> None:
    """Without --json a new key is printed alone on the first line, and the list shows each key's state in words."""

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


def test_unreachable_database() -> None:
    """A command whose database cannot be reached ends with status 1 and says so."""
    command = [HALLMARKET, "admin", "list-keys", "--database", "postgresql://nobody@127.0.0.1:1/nothing"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith("hallmarket: The database does not answer")


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb: str) -> None:
    """Every command's help has an example, and the options that select the database."""
    text = subprocess.run([HALLMARKET, "admin", verb, "--help"], capture_output=True, text=True, check=True).stdout
    assert f"  hallmarket admin {verb}" in text
    for option in ("--data", "--database", "--json"):
        assert option in text
