"""A process that has imported all of Hallmarket and forks `hallmarket` commands: they start in milliseconds.

`_support.commands` runs this file as a script, with the number of a Unix socket. Each request is one packet: a pickled
`(arguments, environment, working directory)`, and the descriptors of stdin, stdout, stderr and of a pipe on which the
zygote reports the command's process id and then its exit status. It ends, and its commands with it, when the socket is
closed.

A command's own helpers (the fork server and the resource tracker of multiprocessing) are forked as well, where
multiprocessing would start a new interpreter with `python -c`. What they run is the same.
"""

import atexit
import gc
import os
import pickle
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

MAX_REQUEST_BYTES = 1 << 18
STANDARD_STREAMS = (0, 1, 2)

metrics_files: list[int] = []  # open in every fork until it opens its own


def main(control: socket.socket) -> NoReturn:
    """Fork commands until the control socket is closed."""
    _import_everything()
    waker, wake = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C reaches the commands, too. Report how they end.
    reports: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(waker, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if waker in ready:
                os.read(waker, 4096)
                _report_ended(reports)
            if control in ready:
                message, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 4)
                if not message:
                    break
                *streams, report = descriptors
                pid = os.fork()
                if not pid:
                    _become_command(streams, *pickle.loads(message))
                reports[pid] = report
                _write(report, pid)
                for descriptor in streams:
                    os.close(descriptor)
    for pid in reports:
        os.kill(pid, signal.SIGTERM)
    os._exit(0)  # Destroying the modules takes time, and DuckDB reports the frozen objects as leaks.


def _import_everything() -> None:
    # The values of metrics are memory-mapped files, or not, as this says at import. Forked processes open their own.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        import hallmarket.cli.admin
        import hallmarket.cli.main
        import hallmarket.server.preload
        import hallmarket.server.serve  # noqa: F401

        opened = {int(entry.name): str(entry.readlink()) for entry in _open_descriptors()}
        metrics_files.extend(number for number, target in opened.items() if target.startswith(folder))
    # Undo what the preload does to a fork server alone.
    atexit.unregister(os._exit)
    _name_process("hm-zygote")
    gc.collect()
    gc.freeze()


def _name_process(name: str) -> None:
    Path("/proc/self/comm").write_text(name)


def _open_descriptors() -> list[Path]:
    # The listing's own descriptor is closed by the time it is returned.
    return [entry for entry in list(Path("/proc/self/fd").iterdir()) if entry.is_symlink()]


def _report_ended(reports: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        report = reports.pop(pid)
        _write(report, os.waitstatus_to_exitcode(status))
        os.close(report)


def _write(report: int, number: int) -> None:
    with suppress(BrokenPipeError):
        os.write(report, struct.pack("i", number))


def _become_command(streams: Sequence[int], arguments: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    for standard, given in zip(STANDARD_STREAMS, streams, strict=True):
        os.dup2(given, standard)
    _reset_process(STANDARD_STREAMS)
    _open_streams(closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    time.tzset()
    sys.argv = ["hallmarket", *arguments]
    util.spawnv_passfds = _fork_instead_of_spawn

    def run() -> int:
        from hallmarket.cli.main import main

        return main()

    _name_process("hallmarket")
    _run_to_exit(run)


def _open_streams(*, closefd: bool) -> None:
    encoding, errors = sys.__stdout__.encoding, sys.__stdout__.errors
    sys.stdin = open(0, encoding=encoding, errors=errors, closefd=closefd)  # noqa: SIM115 (open until the process ends)
    sys.stdout = open(1, "w", encoding=encoding, errors=errors, closefd=closefd)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _fork_instead_of_spawn(_program: str, arguments: Sequence[str | bytes], descriptors: Sequence[int]) -> int:
    """Run the Python code after `-c` in a fork that keeps only these descriptors."""
    pid = os.fork()
    if not pid:
        _run_code(arguments[list(arguments).index("-c") + 1], descriptors)
    return pid


def _run_code(code: str | bytes, descriptors: Sequence[int]) -> NoReturn:
    _reset_process((*STANDARD_STREAMS, *descriptors))
    _open_streams(closefd=True)

    def run() -> int:
        _name_process("hm-fork-server" if b"forkserver" in os.fsencode(code) else "python")
        _open_metrics()
        exec(code, {"__name__": "__main__"})
        return 0

    _run_to_exit(run)


def _reset_process(kept: Sequence[int]) -> None:
    """Reset what a new interpreter would not have inherited."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor in _open_descriptors():
        if int(descriptor.name) not in (*kept, *metrics_files):
            os.close(int(descriptor.name))
    sys.modules["__main__"] = ModuleType("__main__")
    # Both are in the middle of starting a process, and hold their locks.
    forkserver._forkserver.__init__()
    resource_tracker._resource_tracker.__init__()


def _open_metrics() -> None:
    """Create the files that the import of `hallmarket.server.http.metrics` creates in a new interpreter."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client import REGISTRY

        list(REGISTRY.collect())


def _run_to_exit(run: Callable[[], Any]) -> NoReturn:
    """Run a function, then end the process as an interpreter ends: wait for threads, call exit handlers, flush."""
    status: Any = 1
    try:
        try:
            status = run()
        except SystemExit as error:
            status = error.code
        threading._shutdown()
        atexit._run_exitfuncs()
        if not sys.stdout.closed:
            sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        status = status or 1
    finally:
        os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        main(given)
