"""Run the command `hallmarket`: forked from a zygote that has imported it, or in a new interpreter as a user does."""

import atexit
import os
import pickle
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

HALLMARKET = str(Path(sys.executable).with_name("hallmarket"))
INTEGER = struct.Struct("i")


class ForkedCommand(subprocess.Popen[Any]):
    """A `hallmarket` command that the zygote forks and waits for. Otherwise as `subprocess.Popen`.

    Of Popen's options only those of the streams, `cwd` and `env` are supported.
    """

    _report = -1

    def _execute_child(
        self,
        args: Sequence[str],
        _executable: object,
        _preexec_fn: object,
        _close_fds: object,
        _pass_fds: object,
        cwd: str | Path | None,
        env: Mapping[str, str] | None,
        _startupinfo: object,
        _creationflags: object,
        _shell: object,
        *pipes: Any,
    ) -> None:
        stdin, stdin_end, stdout_end, stdout, stderr_end, stderr = pipes[:6]
        self._report, report = os.pipe()
        request = pickle.dumps((args, dict(os.environ if env is None else env), str(cwd or Path.cwd())))
        streams = [given if given >= 0 else inherited for inherited, given in enumerate((stdin, stdout, stderr))]
        socket.send_fds(_zygote(), [request], [*streams, report])
        os.close(report)
        self._close_pipe_fds(stdin, stdin_end, stdout_end, stdout, stderr_end, stderr)  # type: ignore[attr-defined]
        self.pid = self._read_report()
        self._child_created = True

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                if not select.select([self._report], [], [], timeout)[0]:
                    if timeout:
                        raise subprocess.TimeoutExpired(self.args, timeout)
                    return None
                self.returncode = self._read_report()
                os.close(self._report)
            return self.returncode

    def _read_report(self) -> int:
        (number,) = INTEGER.unpack(os.read(self._report, INTEGER.size))
        return int(number)


@cache
def _zygote() -> socket.socket:
    """Start the zygote of this test process; return its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = str(Path(__file__).with_name("zygote.py"))
    with theirs:
        process = subprocess.Popen([sys.executable, program, str(theirs.fileno())], pass_fds=[theirs.fileno()])

    def stop() -> None:
        ours.close()
        process.wait(60)

    atexit.register(stop)
    return ours


def _interpreter_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that would change an interpreter at its start."""
    irrelevant = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("PYTHON", "LC_", "LANG")) and name not in irrelevant
    }


ZYGOTE_SETTINGS = _interpreter_settings(os.environ)


def start_command(
    *arguments: str | bytes | Path | int, env: Mapping[str, str], new_interpreter: bool = False, **options: Any
) -> "subprocess.Popen[Any]":
    """Start `hallmarket` with the options of Popen; forked, unless the environment changes the interpreter."""
    words = [os.fsdecode(one) if isinstance(one, bytes | Path) else str(one) for one in arguments]
    if new_interpreter or _interpreter_settings(env) != ZYGOTE_SETTINGS:
        return subprocess.Popen([HALLMARKET, *words], env=env, **options)
    return ForkedCommand(words, env=env, **options)


def run_command(
    *arguments: str | bytes | Path | int,
    env: Mapping[str, str],
    timeout_s: float = 120,
    data: str | bytes | None = None,
    **options: Any,
) -> "subprocess.CompletedProcess[Any]":
    """Run `hallmarket` to its end; return its exit status and what it printed, as text unless `text` is False.

    `data` is written to its standard input.
    """
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    if data is not None:
        streams["stdin"] = subprocess.PIPE
    with start_command(*arguments, env=env, **{**streams, **options}) as process:
        try:
            stdout, stderr = process.communicate(data, timeout_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
