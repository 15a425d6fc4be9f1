"""The documentation's examples: they print what the pages show, and every command line parses."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import httpx
import pytest

from _support.doc_examples import PAGES, ROOT, Terminal, Varying, normalize, read_blocks, read_examples
from _support.organizations import new_organization
from _support.purchases import buy, make_for_sale, wait_for_proof
from _support.servers import Server, new_server
from _support.waiting import wait_until
from hallmarket.cli.main import VERBS, hallmarket

DOCS = ROOT / "docs"
# On a server that other tests use too, the size of the log and its name depend on what they did.
LOG_SIZES = (
    (r"\b[\d,]+ entr(y|ies)\b", "N entries"),
    (r"entry [\d,]+ of", "entry N of"),
    (r"log\.example\.org", "ORIGIN"),
)
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LIMITS = {"rate_limit_key": 6000, "rate_limit_address": 600, "rate_limit_failed": 60}


@pytest.fixture
def empty_server() -> Iterator[Server]:
    """A server with an empty log and the default rate limits."""
    with new_server(log_origin="log.example.org", **LIMITS) as running:
        yield running


def open_terminal(server: Server, folder: Path) -> Terminal:
    """Open a terminal with the server's address, API key and database in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARKET_")}
    registry = {"HALLMARKET_DATA": str(server.data), "HALLMARKET_DATABASE_URL": server.database_url}
    return Terminal(folder, clean | registry | {"HALLMARKET_SERVER": server.url, "HALLMARKET_API_KEY": server.api_key})


def check_examples(page: Path, terminal: Terminal, server: Server | None = None, varying: Varying = ()) -> None:
    """Run a page's examples in order; each must print what the page shows, apart from what matches `varying`."""
    examples = read_examples(page)
    assert examples
    for example in examples:
        shown = terminal.run(example.command)
        expected = normalize(example.output, varying)
        assert normalize(shown, varying) == expected, f"{page.relative_to(ROOT)}:{example.line}\n{shown}"
        if server is not None:
            wait_for_log(server)


def wait_for_log(server: Server) -> None:
    """Wait until the log's queue is empty, as it is for a reader, who is slower than the test."""
    wait_until(lambda: httpx.get(f"{server.url}/readyz", trust_env=False).json()["log"]["queue"] == 0)


def test_tutorial(tmp_path: Path) -> None:
    """The first tutorial's commands print what it shows."""
    with new_server() as registry:
        terminal = open_terminal(registry, tmp_path / "first-anchor")
        (terminal.folder / "photo.jpg").write_bytes(os.urandom(500_000))
        check_examples(DOCS / "tutorial/first-anchor.md", terminal, registry)


def test_account_tutorial(tmp_path: Path) -> None:
    """The commands of the tutorial about people print what it shows."""
    with new_server(**LIMITS) as registry:
        check_examples(DOCS / "tutorial/first-account.md", open_terminal(registry, tmp_path / "first-account"))


def test_dataset_tutorial(tmp_path: Path) -> None:
    """The commands of the tutorial about datasets print what it shows."""
    with new_server(**LIMITS) as registry:
        terminal = open_terminal(registry, tmp_path / "publish-a-dataset")
        check_examples(DOCS / "tutorial/publish-a-dataset.md", terminal, registry)


def test_sale_tutorial(tmp_path: Path) -> None:
    """The commands of the tutorial about a sale print what it shows."""
    with new_server(**LIMITS) as registry:
        terminal = open_terminal(registry, tmp_path / "sell-a-photo")
        (terminal.folder / "harbour.jpg").write_bytes(os.urandom(500_000))
        check_examples(DOCS / "tutorial/sell-a-photo.md", terminal, registry)


@pytest.fixture
def rainfall(tmp_path: Path) -> Iterator[tuple[Server, Terminal, str]]:
    """A registry with a dataset of two versions and two files, its owner's terminal, and its id."""
    with new_server(**LIMITS) as registry:
        terminal = open_terminal(registry, tmp_path / "rainfall")
        (terminal.folder / "june.csv").write_text("id,mm\n1,3.5\n2,5.25\n", "utf-8")
        (terminal.folder / "july.csv").write_text("id,mm\n3,8\n", "utf-8")
        dataset = json.loads(terminal.run("hallmarket publish june.csv --json"))["files"][0]["id"]
        terminal.run(f"hallmarket datasets push {dataset} july.csv")
        yield registry, terminal, dataset


def test_verify_a_dataset_version(rainfall: tuple[Server, Terminal, str]) -> None:
    """The how-to's commands and its program prove a pulled version; the program refuses a changed file."""
    registry, terminal, dataset = rainfall
    page = DOCS / "how-to/verify-a-dataset-version.md"
    ((_, files),) = read_blocks(page, "python")
    ((_, check),) = read_blocks(DOCS / "how-to/verify-without-us.md", "python")
    assert "hallmarket" not in files + check
    (terminal.folder / "files.py").write_text(files, "utf-8")
    (terminal.folder / "check.py").write_text(check, "utf-8")
    wait_for_log(registry)
    terminal.run(f"export ID={dataset}")
    check_examples(page, terminal)
    terminal.run("for file in newest/*; do printf x >> $file; break; done")
    assert "not the same: newest/" in terminal.run("python3 files.py newest.proof newest")


def test_prove_what_you_bought(server: Server, tmp_path: Path) -> None:
    """The how-to's commands and its program show what was bought; the program refuses other files and claims."""
    page = DOCS / "how-to/prove-what-you-bought.md"
    ((_, bought),) = read_blocks(page, "python")
    assert "hallmarket" not in bought
    terminal = open_terminal(server, tmp_path / "bought")
    files = {"bought.py": bought, "scan_1944.tif": "Kodachrome, box 12", "other.tif": "Kodachrome, box 13"}
    for name, text in files.items():
        (terminal.folder / name).write_text(text, "utf-8")
    with new_organization(server) as org:
        seller, buyer = org.with_unbound_key(org.admin), org.new_outsider()
        licence = buy(server, buyer, make_for_sale(seller, b"Kodachrome, box 12", "scan_1944.tif"))
        proof = wait_for_proof(buyer, licence).decode()
        terminal.run(f"export LICENCE={licence} HALLMARKET_API_KEY={buyer.member.key}")
        check_examples(page, terminal, varying=LOG_SIZES)
    check = "python3 bought.py licence.json log.vkey"
    assert "another file" in terminal.run(f"{check} other.tif")
    for old, new, reason in (('"amount":1200', '"amount":1', "other claims"), ("index ", "index 1", "not in this log")):
        (terminal.folder / "licence.json").write_text(proof.replace(old, new), "utf-8")
        assert reason in terminal.run(check)


def test_a_table_in_place(rainfall: tuple[Server, Terminal, str]) -> None:
    """The how-to's program reads every version of a table at the path that the page gives."""
    registry, terminal, dataset = rainfall
    page = DOCS / "how-to/read-datasets-in-place.md"
    program = next(text for _, text in read_blocks(page, "python") if text.startswith("# in_place.py"))
    (terminal.folder / "in_place.py").write_text(program, "utf-8")
    digits = dataset.replace("-", "")
    table = registry.data / "tables" / digits[-2:] / digits
    versions = json.loads(terminal.run(f"hallmarket datasets versions {dataset} --json"))["versions"]
    shown = [terminal.run(f"python3 in_place.py {table} {version['delta_version']}") for version in versions]
    assert shown == ["3 rows by deltalake\n3 3 by DuckDB\n", "2 rows by deltalake\n2 2 by DuckDB\n"]


def test_official_client_examples(tmp_path: Path) -> None:
    """The how-to's programs, with the official client, print what the page shows."""
    page = DOCS / "how-to/use-the-official-python-client.md"
    with new_server(**LIMITS) as registry:
        terminal = open_terminal(registry, tmp_path / "client")
        registry.admin("create-user", "jane", "--org", registry.organization, "--email", "jane@herald.example")
        key = registry.admin("create-key", "jane", "--org", registry.organization)["key"]
        terminal.run(f"unset ${{!OURO_*}}; export OURO_BASE_URL={registry.url} OURO_API_KEY={key}")
        for _, program in read_blocks(page, "python"):
            name = program.splitlines()[0].removeprefix("# ")
            (terminal.folder / name).write_text(program, "utf-8")
        check_examples(page, terminal)


def readme_commands() -> Iterator[tuple[str, str]]:
    """Yield the README's `hallmarket …` commands, each with its comment."""
    for _, block in read_blocks(ROOT / "README.md", "sh"):
        for line in block.splitlines():
            if line.startswith("hallmarket ") and "serve" not in line:
                command, _, comment = line.partition(" #")
                yield command.strip(), comment.strip()


def test_readme(tmp_path: Path) -> None:
    """The README's commands succeed in the order shown; its ids stand for those that the commands print."""
    with new_server(**LIMITS) as registry:
        terminal = open_terminal(registry, tmp_path / "readme")
        (terminal.folder / "photo.jpg").write_bytes(os.urandom(50_000))
        (terminal.folder / "stations.csv").write_text("id,mm\n1,3.5\n2,0\n", "utf-8")
        (terminal.folder / "july.csv").write_text("id,mm\n3,8\n", "utf-8")
        keys = {"jane": "", "john": ""}
        ids: dict[str, str] = {}
        newest_id = ""
        for command, comment in readme_commands():
            if "admin credit john" in command:
                registry.admin("create-user", "john")
                keys["john"] = registry.admin("create-key", "john")["key"]
            for name, key in keys.items():
                if f"as {name}" in comment:
                    terminal.run(f"export HALLMARKET_API_KEY={key}")
            for shown_id in re.findall(UUID, command):
                command = command.replace(shown_id, ids.setdefault(shown_id, newest_id))
            confirmed = " --yes" if "wallet buy" in command else ""  # there is no terminal that could confirm
            printed = terminal.run(f"{command}{confirmed} && echo succeeded")
            assert printed.endswith("succeeded\n"), f"{command}\n{printed}"
            wait_for_log(registry)
            if found := re.search(rf"^  (?:id|licence) +({UUID})", printed, re.MULTILINE):
                newest_id = found[1]
            if "create-key jane" in command:
                keys["jane"] = printed.split("\n")[0]
        assert len(ids) == 3


def test_api_examples(empty_server: Server, tmp_path: Path) -> None:
    """Every example of the media API's reference gets the response shown below it."""
    check_examples(DOCS / "reference/media-api.md", open_terminal(empty_server, tmp_path / "api"), empty_server)


def test_anchor_an_archive(empty_server: Server, tmp_path: Path) -> None:
    """The how-to's commands and its program anchor an archive as the page shows."""
    page = DOCS / "how-to/anchor-an-archive.md"
    terminal = open_terminal(empty_server, tmp_path / "archive")
    ((_, program),) = read_blocks(page, "python")
    (terminal.folder / "anchor_all.py").write_text(program, "utf-8")
    check_examples(page, terminal)


def test_people_and_keys(empty_server: Server, tmp_path: Path) -> None:
    """The commands of the how-to about people and keys print what it shows."""
    check_examples(DOCS / "how-to/manage-people-and-keys.md", open_terminal(empty_server, tmp_path / "people"))


def test_example_proof(tmp_path: Path) -> None:
    """The example proof is accepted by our verifier, and by the forty lines that use none of our code."""
    terminal = Terminal(tmp_path / "example", dict(os.environ))
    for name in ("example.proof", "example.vkey"):
        (terminal.folder / name).write_bytes((DOCS / "reference" / name).read_bytes())
    check_examples(DOCS / "reference/log-format.md", terminal)
    page = DOCS / "how-to/verify-without-us.md"
    (_, program), *others = read_blocks(page, "python")
    assert not others
    assert "hallmarket" not in program
    (terminal.folder / "check.py").write_text(program, "utf-8")
    check_examples(page, terminal)


def test_example_proof_refused(tmp_path: Path) -> None:
    """The forty lines refuse another file, other claims, another leaf index and another signature."""
    terminal = Terminal(tmp_path / "example", dict(os.environ))
    (_, program), *_ = read_blocks(DOCS / "how-to/verify-without-us.md", "python")
    (terminal.folder / "check.py").write_text(program, "utf-8")
    (terminal.folder / "example.vkey").write_bytes((DOCS / "reference/example.vkey").read_bytes())
    (terminal.folder / "scan_1944.txt").write_text("Kodachrome, box 12", "utf-8")
    (terminal.folder / "other.txt").write_text("Kodachrome, box 13", "utf-8")
    good = (DOCS / "reference/example.proof").read_text("utf-8")
    cases = {
        "another file": ("other.txt", good),
        "other claims": ("scan_1944.txt", good.replace("box", "bin")),
        "not in this log": ("scan_1944.txt", good.replace("index 5", "index 4")),
        "InvalidSignature": ("scan_1944.txt", good.replace("2XUrGh0K", "2XUrGh0L")),
    }
    for reason, (file, bundle) in cases.items():
        (terminal.folder / "bundle").write_text(bundle, "utf-8")
        assert reason in terminal.run(f"python3 check.py {file} bundle example.vkey")


# Pages with commands that no test can run, and why. Their `hallmarket` command lines are parsed all the same.
NOT_RUN = {
    "CONTRIBUTING.md": "sets up a development environment; `make` runs this test",
    "bench/README.md": "benchmarks",
    "docs/reference/command.md": "shows each command with ids of assets that do not exist",
    "docs/how-to/keep-bytes-in-a-cloud.md": "needs an account at a cloud provider",
    "docs/how-to/run-in-production.md": "needs systemd, nginx and a PostgreSQL of its own",
    "docs/how-to/take-payments-with-stripe.md": "needs a Stripe account",
    "docs/how-to/upgrade.md": "needs an earlier release",
    "docs/how-to/monitor.md": "needs a public server",
}


def test_every_page_is_run_or_excused() -> None:
    """Every page with commands is run by a test of the journeys, or `NOT_RUN` gives the reason."""
    journeys = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        commands = read_blocks(page, "sh") + read_blocks(page, "console")
        if commands and name not in NOT_RUN:
            assert f'"{name.removeprefix("docs/")}"' in journeys.replace('ROOT / "docs/', '"'), f"no test runs {name}"
    assert all((ROOT / name).exists() for name in NOT_RUN)


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every `hallmarket …` command line that a page shows without running it, with its location."""
    for page in PAGES:
        for first, block in read_blocks(page, "sh"):
            for match in re.finditer(rf"(?<![\w/.-])hallmarket ((?:{'|'.join(VERBS)}|--help|--version)\b.*)", block):
                line = re.split(r" > | \| |; |\)", match.group(1))[0]
                location = f"{page.relative_to(ROOT)}:{first + block.count(chr(10), 0, match.start())}"
                yield location, shlex.split(line, comments=True)


def test_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command line that a page shows parses, in a folder whose `log.vkey` holds a log's key."""
    (tmp_path / "log.vkey").write_bytes((DOCS / "reference/example.vkey").read_bytes())
    monkeypatch.chdir(tmp_path)
    shown = list(command_lines())
    assert len(shown) > 30
    for location, arguments in shown:
        command: click.Command = hallmarket
        context = click.Context(command, info_name="hallmarket")
        try:
            while isinstance(command, click.Group) and not arguments[0].startswith("-"):
                name, found, arguments = command.resolve_command(context, arguments)
                assert found is not None
                command, context = found, click.Context(found, info_name=name, parent=context)
            with suppress(click.exceptions.Exit), click.Context(command):
                command.make_context(context.info_name, list(arguments))
        except click.UsageError as error:
            pytest.fail(f"{location}: {error.format_message()}")
