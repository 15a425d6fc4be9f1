"""Optional packages: check that the extra of `hallmarket` that a command needs is installed."""

from importlib.util import find_spec

from hallmarket.cli._shared.exit_status import USAGE, CommandError

# Modules that are installed by this extra, or by one that includes it, and by nothing else.
MODULES = {
    "server": ("asyncpg", "litestar", "obstore", "uvicorn"),
    "tables": ("duckdb", "pyarrow", "python_calamine"),
}


def require_extra(extra: str, task: str) -> None:
    """Raise CommandError with the command that installs an extra, if its packages are missing; imports nothing."""
    if not all(find_spec(module) for module in MODULES[extra]):
        message = f"{task} needs packages that are not installed: run `pip install 'hallmarket[{extra}]'`"
        raise CommandError(message, USAGE, "PACKAGES_MISSING")
