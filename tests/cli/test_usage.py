"""Usage errors, and errors in general."""

import json

import pytest

VERBS = ["anchor", "verify", "proof", "status", "publish", "datasets", "assets", "wallet", "licences", "serve", "admin"]


def test_help_names_every_verb(home):
    """`hallmarket --help` lists the verbs and the exit statuses."""
    text = home.run("--help").stdout
    assert all(f"  {verb} " in text for verb in VERBS)
    assert "130  interrupted" in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_examples(home, verb):
    """Each verb's --help has examples that begin with the command itself."""
    result = home.run(verb, "--help")
    assert result.returncode == 0
    assert f"  hallmarket {verb}" in result.stdout


def test_no_arguments_show_the_help(home):
    """`hallmarket` without arguments shows its help on stderr, as a usage error."""
    result = home.run()
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == home.run("--help").stdout


def test_version(home):
    """--version shows name and version."""
    assert home.run("--version").stdout.startswith("hallmarket 0.")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["anchor"], "Missing argument 'PATH...'"),
        (["anchor", "x"], "an API key is needed"),
        (["anchor", "x", "--api-key", " "], "an API key is needed"),
        (["anchor", "x", "--api-key", "a\nb"], "not an API key"),
        (["anchor", "x", "--api-key-file", "none"], "none: no such file"),
        (["anchor", "x", "--dry-run", "--jobs", "0"], "--jobs"),
        (["anchor", "x", "--dry-run", "--metadata", "x" * 65_537], "--metadata must be at most"),
        (["anchor", "x", "--dry-run", "--metadata", "@none"], "none: no such file"),
        (["anchor", "x", "--dry-run", "--server", "ftp://x"], "not an http:// or https:// address"),
        (["anchor", "x", "--frobnicate"], "No such option"),
        (["verify"], "name a file to verify"),
        (["verify", "--proof", "p", "a", "b"], "--proof is for one file"),
        (["verify", "x", "--log-key", "@none"], "none: no such file"),
        (["verify", "x", "--log-key", "nonsense"], "A verifier key is written name+id+base64"),
        (["proof", "x"], "Missing option '--output'"),
        (["assets", "who", "x", "--api-key", "k"], "not a valid UUID"),
        (["assets", "search"], "an API key is needed"),
        (["assets", "download", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "-o", "-", "--api-key", "k"], "name the file"),
        (["datasets", "pull", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "-o", "-", "--api-key", "k"], "name the files"),
        (
            ["datasets", "pull", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "--proof", "-", "--api-key", "k"],
            "name the files",
        ),
        (["wallet", "send", "jane", "5", "--api-key", "k"], "Missing option '--currency'. Choose from: usd, btc"),
        (["publish", "a", "b", "--name", "c", "--api-key", "k"], "--name is for one file"),
        (["publish", "a", "--description", "@none", "--api-key", "k"], "none: no such file"),
        (["publish", "a", "--price-usd", "0", "--api-key", "k"], "--price-usd"),
        (["datasets", "query", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "x", "--csv", "--json"], "an API key"),
        (["datasets", "push", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"], "Missing argument 'FILE'"),
        (["assets", "share", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "jane", "owner"], "is not one of"),
        (["wallet", "send", "jane", "1.005", "--currency", "usd", "--api-key", "k"], "to the cent"),
        (["wallet", "send", "jane", "-5", "--currency", "usd", "--api-key", "k"], "AMOUNT: an amount must be positive"),
        (["wallet", "send", "jane", "--currency", "usd", "--api-key", "k", "--", "-5"], "an amount must be positive"),
        (["wallet", "send", "jane", "5", "-x"], "No such option '-x'"),
        (["wallet", "refund", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "-.5"], "an amount must be positive"),
        (
            ["assets", "price", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "--usd", "-1"],
            "'-1' is not an amount: an amount must",
        ),
        (["publish", "a", "--price-sats=-1"], "an amount must be positive"),
        (["admin", "credit", "jane", "-5", "--currency", "usd"], "an amount must be positive"),
        (["admin", "payout", "jane", "-$5.00", "--currency", "usd"], "an amount must be positive"),
        (["admin", "refund", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "-5"], "an amount must be positive"),
        (["wallet", "history", "--since", "yesterday", "--api-key", "k"], "must be ISO 8601"),
        (["wallet", "buy", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "--api-key", "k"], "pass --yes"),
        (["frobnicate"], "No such command"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_a_usage_error_is_one_line(refused, arguments, text):
    """A wrong command line ends with status 2 and one line that says what to do."""
    assert text in refused(*arguments, status=2)


def test_errors_as_json(home):
    """With --json an error is a JSON object on stdout, in addition to the line on stderr."""
    result = home.run("anchor", "x", "--json")
    assert result.returncode == 2
    assert json.loads(result.stdout)["error"]["code"] == "USAGE"
    assert result.stderr.startswith("hallmarket: an API key is needed")
    error = home.json("wallet", "send", "jane", "-5", "--currency", "usd", status=2)["error"]
    assert (error["code"], "an amount must be positive" in error["message"]) == ("USAGE", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["verify", "f"],
        ["proof", "f", "-o", "p"],
        ["anchor", "f", "--api-key", "k"],
        ["assets", "who", "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec", "--api-key", "k"],
    ],
)
def test_an_unreachable_server(home, write, arguments):
    """Every verb that needs a server reports in one line that it cannot be reached, with status 3."""
    write("f")
    nowhere = ["--server", "http://127.0.0.1:9"]
    result = home.run(*arguments, *nowhere)
    assert result.returncode == 3
    assert result.stderr == "hallmarket: cannot reach the server at http://127.0.0.1:9: connection refused\n"
    output = home.json(*arguments, *nowhere, status=3)
    assert output["error"]["code"] == "UNREACHABLE"


@pytest.mark.parametrize("arguments", [["audit-money"], ["credit", "jane", "1", "--currency", "usd"]])
def test_money_verbs_create_no_database(home, refused, arguments):
    """A command about money refuses a folder without a database, and does not create one."""
    folder = home.folder / "mistyped"
    assert f"{folder} contains no database" in refused("admin", *arguments, "--data", folder, status=1)
    assert not folder.exists()
