"""System account of the embedded PostgreSQL, which refuses to run as root."""

import os
import pwd
import subprocess
import time
from pathlib import Path
from typing import Any

from hallmarket.server.errors import Refusal

ACCOUNT = "hallmarket"
CREATE_TIMEOUT_S = 5.0


def account_arguments() -> dict[str, Any]:
    """Return the `subprocess` arguments that run a program as the account, creating it if needed; empty if not root.

    Raises Refusal if the account cannot be created.
    """
    if os.geteuid() != 0:
        return {}
    entry = _find_account() or _create_account()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def make_private(folder: Path) -> None:
    """Set a folder's mode to 0700, owned by the account if this process is root."""
    if account := account_arguments():
        os.chown(folder, account["user"], account["group"])
    folder.chmod(0o700)


def _find_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _create_account() -> pwd.struct_passwd:
    deadline = time.monotonic() + CREATE_TIMEOUT_S
    while True:
        try:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", ACCOUNT],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            # Another server may be creating the account right now, and useradd fails while the account file is locked.
            if _find_account() is None and time.monotonic() > deadline:
                raise Refusal(
                    f"PostgreSQL cannot run as root, and its account {ACCOUNT!r} could not be created ({error}). "
                    "Create the account, run the server as an ordinary user, or set HALLMARKET_DATABASE_URL."
                ) from error
            time.sleep(0.1)
        if (entry := _find_account()) is not None:
            return entry
