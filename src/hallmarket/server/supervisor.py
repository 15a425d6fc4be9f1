"""Starts, restarts and stops the child processes of `hallmarket serve`.

The children are forked by multiprocessing's fork server, a process that has imported `preload` and nothing runs in. A
child therefore starts in milliseconds and shares the memory of the imported modules with its siblings.

Children outlive the fork server if that is killed: the parent watches them through file descriptors of their own
(pidfd), and starts another fork server when it needs one. They end when the parent does; see `child_process`.
"""

import multiprocessing
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from typing import Any

import structlog

from hallmarket.proof.key import SigningKey
from hallmarket.server.errors import Refusal
from hallmarket.server.settings import Settings

log = structlog.get_logger()

MAX_BACKOFF_S = 5.0
READY_TIMEOUT_S = 60.0
EXIT_CODE_TIMEOUT_S = 1.0
CONTEXT = multiprocessing.get_context("forkserver")


@contextmanager
def fork_server() -> Iterator[None]:
    """Run the fork server during the block, without waiting for its imports. PROMETHEUS_MULTIPROC_DIR must be set."""
    CONTEXT.set_forkserver_preload(["hallmarket.server.preload"])
    forkserver.ensure_running()
    try:
        yield
    finally:
        # It would end with this process, but only after its imports.
        pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        if pid is not None:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _run_worker(*arguments: Any) -> None:
    # Imported only by the child, so that the parent never loads the web framework.
    from hallmarket.server.worker import run_worker

    run_worker(*arguments)


def _run_sequencer(*arguments: Any) -> None:
    from hallmarket.server.sequencer import run_sequencer

    run_sequencer(*arguments)


def _run_background(*arguments: Any) -> None:
    from hallmarket.server.background import run_background

    run_background(*arguments)


class _Child:
    """One child process, restarted when it dies. The delay grows each time it dies soon after its start."""

    def __init__(self, name: str, create: Callable[[], ForkServerProcess]) -> None:
        self.name = name
        self._create = create
        self._process: ForkServerProcess | None = None
        self._pidfd: int | None = None
        self._backoff_s = 0.0
        self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        process = self._create()
        try:
            process.start()
            assert process.pid is not None
            self._pidfd = os.pidfd_open(process.pid)
        except (EOFError, ProcessLookupError) as error:
            raise OSError(f"{self.name} could not be forked, or ended immediately") from error
        self._process = process

    def restart_if_dead(self) -> None:
        if not self._has_ended(0):
            return
        age_s = time.monotonic() - self._started_at
        if age_s < self._backoff_s:
            return
        if self._process is not None:
            log.error("a process died and is restarted", process=self.name, exit_code=self._release())
            self._backoff_s = 0.0 if age_s > 2 * MAX_BACKOFF_S else min(max(self._backoff_s * 2, 0.5), MAX_BACKOFF_S)
        self._start()

    def terminate(self) -> None:
        self._send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of the process, and kill it after the timeout."""
        if not self._has_ended(timeout_s):
            log.error("a process did not end in time and is killed", process=self.name)
            self._send_signal(signal.SIGKILL)
            self._has_ended(None)

    def _has_ended(self, timeout_s: float | None) -> bool:
        return self._pidfd is None or bool(select.select([self._pidfd], [], [], timeout_s)[0])

    def _send_signal(self, number: int) -> None:
        if self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _release(self) -> int | None:
        """Free the resources of the ended process. Returns its exit code, or 255 if the fork server died before it."""
        assert self._process is not None
        assert self._pidfd is not None
        self._process.join(EXIT_CODE_TIMEOUT_S)
        code = self._process.exitcode
        # An orphan of a killed fork server is ours to reap if this process is the first one of its container.
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        os.close(self._pidfd)
        self._process = self._pidfd = None
        return code


class Supervisor:
    """The workers, the sequencer and the background process."""

    def __init__(
        self, settings: Settings, database_url: str, secret: bytes, key: SigningKey, listener: socket.socket
    ) -> None:
        self._settings = settings
        self._ready: list[Event] = [CONTEXT.Event() for _ in range(settings.workers)]
        self._worker_arguments = (settings, database_url, secret, key.text(), listener)
        self._sequencer_arguments = (settings, database_url, key.text())
        self._background_arguments = (settings, database_url, secret)
        self._workers: list[_Child] = []
        self._sequencer: _Child | None = None
        self._background: _Child | None = None

    def start(self) -> None:
        """Start every process."""
        self._sequencer = _Child(
            "sequencer",
            lambda: CONTEXT.Process(target=_run_sequencer, args=self._sequencer_arguments, name="sequencer"),
        )
        for number, ready in enumerate(self._ready):
            name = f"worker-{number}"
            self._workers.append(_Child(name, self._worker_factory(name, ready)))
        self._background = _Child(
            "background",
            lambda: CONTEXT.Process(target=_run_background, args=self._background_arguments, name="background"),
        )

    def _worker_factory(self, name: str, ready: Event) -> Callable[[], ForkServerProcess]:
        return lambda: CONTEXT.Process(target=_run_worker, args=(*self._worker_arguments, ready), name=name)

    def wait_until_ready(self, stopping: list[int]) -> None:
        """Wait until every worker accepts requests, or `stopping` has a signal.

        Raises Refusal if that takes longer than READY_TIMEOUT_S.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not stopping and not all(ready.is_set() for ready in self._ready):
            self.restart_dead()
            if time.monotonic() > deadline:
                raise Refusal("The workers did not start. See the log above for the reason.")
            time.sleep(0.02)

    def restart_dead(self) -> None:
        """Restart the processes that died. Raises OSError if the system cannot start one."""
        for child in self._children():
            child.restart_if_dead()

    def stop(self) -> None:
        """Stop the workers and the background process, then the sequencer. Kills those that take too long.

        Workers finish their requests, the background process finishes its jobs or returns them to the queue, and the
        sequencer finishes its round.
        """
        background = [self._background] if self._background else []
        for child in (*self._workers, *background):
            child.terminate()
        for child in (*self._workers, *background):
            child.wait(self._settings.shutdown_timeout_s + 5)
        if self._sequencer is not None:
            self._sequencer.terminate()
            self._sequencer.wait(30)

    def _children(self) -> list[_Child]:
        return [*self._workers, *(child for child in (self._sequencer, self._background) if child)]
