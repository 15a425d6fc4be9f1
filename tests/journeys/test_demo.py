"""`make demo`, from beginning to end."""

import os
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(command: list[str], temporary: Path) -> "subprocess.CompletedProcess[str]":
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "HALLMARKET_SERVER": "http://127.0.0.1:1"}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def test_demo(tmp_path: Path) -> None:
    """The demo tells its story without a terminal, ends well within half a minute, and leaves nothing behind."""
    began_s = time.monotonic()
    result = run([sys.executable, str(SCRIPTS / "demo.py")], tmp_path / "tmp")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Every step did what it promised" in result.stdout
    assert result.stdout.count("NOT PROVED") == 2
    assert result.stderr == ""
    assert time.monotonic() - began_s < 30
    assert list((tmp_path / "tmp").glob("hallmarket-demo-*")) == []


def test_broken_demo(tmp_path: Path) -> None:
    """A demo whose server does not start says so, ends with status 1, and cleans up all the same."""
    broken = "import sys, stage; stage.HALLMARKET = '/bin/false'; import demo; sys.exit(demo.main())"
    program = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); {broken}"
    result = run([sys.executable, "-c", program], tmp_path / "tmp")
    assert result.returncode == 1
    assert "The demo broke: the server should have started" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "tmp").glob("hallmarket-demo-*")) == []
