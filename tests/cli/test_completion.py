"""Shell completion: `eval "$(_HALLMARKET_COMPLETE=bash_source hallmarket)"`, and the same for zsh and fish."""

import re
import subprocess
from pathlib import Path

import pytest

from _support.servers import HALLMARKET

REFERENCE = Path(__file__).parents[2] / "docs/reference/command.md"


@pytest.fixture
def complete(home):
    """Ask the command for the completions of a line, as a shell's completion function does."""

    def run(shell, line):
        words = line.split(" ")
        # fish passes the incomplete word itself, the other shells its index.
        position = words[-1] if shell == "fish" else str(len(words) - 1)
        home.environment |= {"_HALLMARKET_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": position}
        result = home.run()
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    return run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hallmarket wal", {"wallet"}),
        ("hallmarket wallet ", {"balance", "history", "buy", "send", "refund", "statement"}),
        ("hallmarket wallet s", {"send", "statement"}),
        ("hallmarket wallet send --curr", {"--currency"}),
        ("hallmarket wallet send jane 5 --currency ", {"usd", "btc"}),
        ("hallmarket assets visibility ID mon", {"monetized"}),
        ("hallmarket --ver", {"--version"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(complete, shell, line, expected):
    """Verbs, options and the values of options are completed in every shell."""
    output = complete(shell, line)
    if shell == "zsh":  # three lines each: type, value, help
        found = set(output.splitlines()[1::3])
    else:  # type,value in bash; type,value and a tab with the help in fish
        found = {entry.partition(",")[2].partition("\t")[0] for entry in output.splitlines()}
    assert found - {"--help", "-h"} == expected


def test_bash_completes_a_line(home):
    """The function that bash_source prints works in bash, for a verb and an option."""
    script = """
        eval "$(_HALLMARKET_COMPLETE=bash_source hallmarket)"
        COMP_WORDS=(hallmarket datasets p) COMP_CWORD=2
        _hallmarket_completion hallmarket p datasets
        echo "${COMPREPLY[@]}"
        COMPREPLY=() COMP_WORDS=(hallmarket verify --pr) COMP_CWORD=2
        _hallmarket_completion hallmarket --pr verify
        echo "${COMPREPLY[@]}"
        complete -p hallmarket
    """
    home.environment["PATH"] = f"{Path(HALLMARKET).parent}:{home.environment['PATH']}"
    result = subprocess.run(
        ["bash", "--norc", "-c", script], env=home.environment, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    verbs, options, registered = result.stdout.splitlines()
    assert verbs.split() == ["push", "pull"]
    assert options.split() == ["--proof"]
    assert registered.endswith("-F _hallmarket_completion hallmarket")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_documented(home, shell):
    """The help of `hallmarket` and the reference show the same line for each shell, which prints that shell's code."""
    pattern = rf"\S*.*_HALLMARKET_COMPLETE={shell}_source hallmarket.*"
    (shown,) = re.findall(rf"^ +{shell} +({pattern})$", home.run("--help").stdout, re.MULTILINE)
    assert shown in REFERENCE.read_text("utf-8").replace("\\|", "|")
    home.environment["_HALLMARKET_COMPLETE"] = f"{shell}_source"
    code = home.run()
    if shell == "bash":  # click asks bash for its version
        assert code.returncode == 0
    assert "_hallmarket_completion" in code.stdout
