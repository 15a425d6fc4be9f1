"""The command where only the base dependencies are installed: without the extras `server` and `tables`."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from _support.small_log import SmallLog

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
UUID = "01a1ffec-ac88-7702-aa4b-b7f53cbc6aec"
# Runs the command after blocking the modules of argv[1]: an entry None in sys.modules makes an import fail.
PROGRAM = """
import sys
sys.argv[0], blocked = "hallmarket", sys.argv.pop(1).split(",")
sys.modules |= dict.fromkeys(blocked)
from hallmarket.cli.main import main
sys.exit(main())
"""


def with_dependencies(lines):
    """The packages of these requirements and of everything they depend on."""
    needed = [Requirement(line) for line in lines]
    names = [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return set(map(canonicalize_name, names)).union(*(with_dependencies(requires(name) or ()) for name in names))


@pytest.fixture(scope="module")
def blocked():
    """Every installed module that the base dependencies do not include."""
    base = with_dependencies(tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]) | {"hallmarket"}
    modules = [
        module
        for module, packages in packages_distributions().items()
        if module.isidentifier() and not base.intersection(map(canonicalize_name, packages))
    ]
    assert {"asyncpg", "duckdb", "litestar", "pyarrow", "structlog"} <= set(modules)
    return modules


@pytest.fixture
def run(home, blocked):
    """Run the command without the blocked modules."""

    def run_command(*arguments):
        command = [sys.executable, "-W", "error", "-c", PROGRAM, ",".join(blocked), *arguments]
        environment = home.environment | {"HALLMARKET_API_KEY": "hm_key", "HALLMARKET_SERVER": "http://127.0.0.1:9"}
        return subprocess.run(command, cwd=home.folder, env=environment, capture_output=True, text=True, timeout=60)

    return run_command


@pytest.fixture
def saved(write):
    """A file, the proof of it and the log's key."""
    log = SmallLog().fill(5)
    index = log.add(b"the picture's bytes")
    write("photo.jpg", b"the picture's bytes")
    write("photo.proof", log.bundle(index).encode())
    write("log.vkey", log.vkey.encode())


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("verify", "--proof", "photo.proof", "--log-key", "@log.vkey", "photo.jpg"), "photo.jpg: proved"),
        (("anchor", "--dry-run", "photo.jpg"), "photo.jpg"),
        (("proof", "--help"), "hallmarket proof photo.jpg"),
        (("datasets", "push", "--help"), "hallmarket datasets push"),
        (("admin", "create-key", "--help"), "hallmarket admin create-key"),
        (("--help",), "Run a server."),
    ],
)
def test_base_dependencies_suffice(run, arguments, output):
    """Verification, fingerprints and help need no extra."""
    result = run(*arguments)
    assert (result.returncode, result.stderr if "--dry-run" not in arguments else "") == (0, "")
    assert output in result.stdout


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("verify", "photo.jpg"),
        ("publish", "rain.csv"),
        ("datasets", "push", UUID, "rain.ndjson"),
        ("datasets", "pull", UUID, "-o", "rain.parquet"),
        ("wallet", "balance"),
    ],
)
def test_every_other_verb_reaches_for_the_server(run, write, arguments):
    """Verbs that need no extra get as far as their server, which is not there."""
    write("rain.csv", b"id\n1\n")
    write("rain.ndjson", b'{"id":1}\n')
    result = run(*arguments)
    assert result.returncode == 3
    assert result.stderr == "hallmarket: cannot reach the server at http://127.0.0.1:9: connection refused\n"


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("serve",), "server"),
        (("serve", "--help"), "server"),
        (("admin", "list-orgs"), "server"),
        (("admin", "audit-money"), "server"),
        (("datasets", "push", UUID, "rain.csv"), "tables"),
        (("datasets", "push", UUID, "rain.xlsx"), "tables"),
        (("datasets", "pull", UUID, "--format", "csv"), "tables"),
    ],
)
def test_a_missing_extra_is_named(run, write, arguments, extra):
    """A verb whose packages are missing ends with status 2 and one line that says what to install."""
    write("rain.csv", b"id\n1\n")
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("hallmarket: ")
    assert result.stderr.endswith(f" needs packages that are not installed: run `pip install 'hallmarket[{extra}]'`\n")
    assert result.stderr.count("\n") == 1


def test_completion_without_the_server(run, home):
    """Completing the options of `serve`, which come from the server's packages, prints no error."""
    home.environment |= {
        "_HALLMARKET_COMPLETE": "bash_complete",
        "COMP_WORDS": "hallmarket serve --po",
        "COMP_CWORD": "2",
    }
    assert run().stderr == ""


def test_offline_verification_imports_nothing_heavy(home, write):
    """`verify --proof` imports neither the HTTP client nor the progress bar, so it starts quickly."""
    log = SmallLog().fill(5)
    write("photo.proof", log.bundle(2).encode())
    program = (
        "import sys; sys.argv = ['hallmarket', 'verify', '--proof', 'photo.proof', '--log-key', sys.argv[1]]\n"
        "from hallmarket.cli.main import main\n"
        "status = main()\n"
        "heavy = {'httpx', 'rich', 'asyncio', 'ssl', 'asyncpg', 'pyarrow', 'litestar', 'structlog', 'sqlite3'}\n"
        "sys.exit(status or ', '.join(heavy & set(sys.modules)) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, log.vkey], cwd=home.folder, env=home.environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
