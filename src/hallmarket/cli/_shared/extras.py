"""Optional packages: check that the extra of `hallmarket` that a command needs is installed."""

from importlib.util import find_spec

from hallmarket.cli._shared.exit_status import CommandError

# Modules that only this extra, or one that includes it, installs.
MODULES = {
    "server": ("asyncpg", "litestar", "obstore", "uvicorn"),
    "tables": ("duckdb", "pyarrow", "python_calamine"),
}


def has_extra(extra: str) -> bool:
    """Return whether an extra's packages are installed; nothing is imported."""
    return all(find_spec(module) for module in MODULES[extra])


def require_extra(extra: str, task: str) -> None:
    """Raise CommandError with the command that installs an extra, if its packages are missing."""
    if not has_extra(extra):
        raise CommandError(
            f"{task} needs packages that are not installed: run `pip install 'hallmarket[{extra}]'`",
            code="PACKAGES_MISSING",
        )
