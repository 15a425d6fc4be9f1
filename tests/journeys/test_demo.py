"""`make demo`, from beginning to end."""

import os
import resource
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(command: list[str], temporary: Path) -> "subprocess.CompletedProcess[str]":
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "HALLMARKET_SERVER": "http://127.0.0.1:1"}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280
    )


def processor_s() -> float:
    """The processor time, in seconds, that programs we ran to their end have taken."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def test_demo(tmp_path: Path) -> None:
    """The demo tells its story without a terminal, in less than a minute of one processor, and leaves nothing."""
    before_s = processor_s()
    result = run([sys.executable, str(SCRIPTS / "demo.py")], tmp_path / "tmp")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Every step had the expected result" in result.stdout
    assert result.stdout.count("NOT PROVED") == 2
    assert result.stdout.count("harbour.parquet: proved") == 1
    assert result.stderr == ""
    assert processor_s() - before_s < 60  # not of the clock, for other tests run beside it
    assert list((tmp_path / "tmp").glob("hallmarket-demo-*")) == []


def test_broken_demo(tmp_path: Path) -> None:
    """A demo whose server does not start says so, ends with status 1, and cleans up all the same."""
    broken = "import sys, stage; stage.HALLMARKET = '/bin/false'; import demo; sys.exit(demo.main())"
    program = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); {broken}"
    result = run([sys.executable, "-c", program], tmp_path / "tmp")
    assert result.returncode == 1
    assert "The demo failed: the server should have started" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "tmp").glob("hallmarket-demo-*")) == []
