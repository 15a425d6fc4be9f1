"""The documentation's examples: find them in its pages, run them in a shell and compare the output."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "bench").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])

# Patterns of values that differ between runs, each with the placeholder that replaces it before a comparison.
Varying = Sequence[tuple[str, str]]
_VARYING: Varying = (
    (r"hm_[0-9a-f]{8}(_[\w-]{43}|…)?", "API-KEY"),
    (r"[\w./-]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", "LOG-KEY"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\d(T[\d:.]+(\+00:00|Z)| \d\d:\d\d:\d\d( UTC)?)", "TIME"),
    (r"since \d{4}-\d\d-\d\d", "since DAY"),
    (r"date: .* GMT", "date: TIME"),
    (r"http://127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\bhallmarket-[0-9a-f]{8}\b", "ORIGIN"),
    (r"\b[0-9a-f]{12}-[0-9a-f]+\b", "REQUEST"),
    (r"(0x)?[0-9a-f]{16,}…?", "HEX"),
    (r"[A-Za-z0-9+/]{43,}={0,2}", "BYTES"),
    (r'("anchoredTime": ?)\d{10}', r"\1SECOND"),
    (r"(content-length|x-ratelimit-remaining|x-ratelimit-reset): \d+", r"\1: N"),
    (r"r=\d+;t=\d+", "r=N;t=N"),
    (r"[\d.,]+ (bytes|kB|MB)", "N bytes"),
    (r"\d+\.\d+ s\b", "N s"),
    (r"  +", " "),
)


class Example(NamedTuple):
    """A command of a page, the output shown below it, and its line number."""

    command: str
    output: str
    line: int


def read_blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Return the code blocks of one language, each with the number of its first line."""
    text = page.read_text("utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)) + 1, match.group(1)) for match in found]


def read_examples(page: Path) -> list[Example]:
    """Return the commands of a page's console blocks: lines after `$ `, continued where they end in a backslash."""
    return [
        Example(match.group(1), match.group(2), first + block.count("\n", 0, match.start()))
        for first, block in read_blocks(page, "console")
        for match in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def normalize(text: str, varying: Varying = ()) -> str:
    """Replace what differs between runs, and what matches `varying`; sort HTTP headers by name."""
    for pattern, placeholder in (*_VARYING, *varying):
        text = re.sub(pattern, placeholder, text)
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines and lines[0].startswith("HTTP/"):
        end = lines.index("") if "" in lines else len(lines)
        lines[1:end] = sorted(lines[1:end])
    return "\n".join(lines)


class Terminal:
    """A shell in a folder. It remembers what commands export, and has a `curl` on machines without one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._exports = folder / ".exports"
        self._exports.touch()
        programs = folder / ".bin"
        programs.mkdir()
        curl = programs / "curl"
        curl.write_text(f"#!{sys.executable}\n" + Path(__file__).with_name("tiny_curl.py").read_text("utf-8"), "utf-8")
        curl.chmod(0o755)
        path = f"{programs}:{Path(sys.executable).parent}:{environment['PATH']}"
        home = {"HOME": str(folder), "PATH": path, "PYTHONIOENCODING": "utf-8"}
        self._environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")} | home

    def run(self, command: str) -> str:
        """Run one command line and return what it prints, including standard error."""
        script = f". ./.exports\n{command}\nstatus=$?\nexport -p > .exports\nexit $status"
        result = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )
        return result.stdout
