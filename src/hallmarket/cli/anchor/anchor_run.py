"""One run of `anchor`: files are fingerprinted while others are sent, and acknowledged files are recorded."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from hallmarket.cli._shared.connect import connect
from hallmarket.cli._shared.exit_status import SERVER, TERMINATED, CommandError
from hallmarket.cli._shared.signals import StopSignal
from hallmarket.cli.anchor.log_wait import LogWait
from hallmarket.cli.anchor.plan import Plan, find_files, progress, successful
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.sender import Sender
from hallmarket.cli.anchor.state import AnchoredFile, State, default_path
from hallmarket.cli.anchor.walk import FoundFile
from hallmarket.cli.anchor.worker_pool import WorkerPool
from hallmarket.client import Hallmarket

# Reading pauses while this many fingerprints wait to be sent.
MAX_BACKLOG = 20_000
# After a signal, wait this long for the current batch, so that its results are recorded.
STOP_TIMEOUT_S = 5.0
# How long the server may be unavailable in the middle of a run.
RETRY_S = 180.0
POLL_S = 0.05


def anchor_files(plan: Plan, report: Report) -> dict[str, Any] | None:
    """Fingerprint and anchor every file of the plan; returns the log's origin, checkpoint and size, or None.

    Raises CommandError, and what the client raises. Every file acknowledged before an error is recorded in the state.
    """
    # The workers are forked before any thread or connection exists.
    with ExitStack() as stack:
        pool = stack.enter_context(WorkerPool(plan.jobs))
        update_progress = stack.enter_context(progress(plan, pool, report))
        server, state, log_wait = _open(plan, report, stack)
        stop = stack.enter_context(StopSignal())
        return _AnchorRun(plan, report, stop, pool, server, state, log_wait).run(update_progress)


def _open(plan: Plan, report: Report, stack: ExitStack) -> tuple[Hallmarket, State, LogWait]:
    server = stack.enter_context(connect(plan.server, plan.api_key, report.notify))
    readiness = server.ready()
    if readiness.status != "ready" or not readiness.log:
        raise CommandError(f"the server at {plan.server} is not ready: {readiness.status}", SERVER, "UNAVAILABLE")
    state = stack.enter_context(
        closing(State(Path(plan.state) if plan.state else default_path(), server.log_key(), readiness.log.size))
    )
    if state.log_was_reset:
        report.notify(f"the log at {plan.server} is smaller than before: every file is anchored again")
    # Before any file is read, so that a wrong key is reported immediately.
    log_wait = LogWait(server)
    for item in log_wait.failed_items():
        state.forget(item.id)
    server.retry_s = RETRY_S
    return server, state, log_wait


class _AnchorRun:
    """The state of one run between its steps."""

    def __init__(
        self,
        plan: Plan,
        report: Report,
        stop: StopSignal,
        pool: WorkerPool,
        server: Hallmarket,
        state: State,
        log_wait: LogWait,
    ) -> None:
        self._plan, self._report, self._stop, self._pool = plan, report, stop, pool
        self._server, self._state, self._log_wait = server, state, log_wait
        self._sender = Sender(server, plan.metadata)
        # The id and hash of the last item accepted.
        self._last: tuple[str, str] | None = None

    def run(self, update_progress: Callable[[], None]) -> dict[str, Any] | None:
        """Read and send every file, then wait for the log."""
        for readings in self._pool.readings(self._changed_files()):
            self._sender.put(successful(readings, self._report))
            self._record_results()
            update_progress()
            while self._sender.backlog > MAX_BACKLOG and self._continues():
                self._poll_sender(update_progress)
            if not self._continues():
                break
        self._finish_sending(update_progress)
        if self._stop:
            raise self._interrupted()
        if self._sender.error:
            raise self._sender.error
        return self._wait_for_log()

    def _changed_files(self) -> Iterator[FoundFile]:
        for file in find_files(self._plan, self._report):
            digest = None if self._plan.rehash else self._state.find_unchanged(file)
            if digest is None:
                yield file
            else:
                self._report.file(file.path, "unchanged", digest=digest, size_bytes=file.size_bytes)

    def _continues(self) -> bool:
        return not self._stop and self._sender.error is None

    def _poll_sender(self, update_progress: Callable[[], None]) -> None:
        self._sender.join(POLL_S)
        self._record_results()
        update_progress()

    def _finish_sending(self, update_progress: Callable[[], None]) -> None:
        self._sender.finish(drop_waiting=bool(self._stop))
        stopped_s = time.monotonic()
        while not self._sender.finished:
            self._poll_sender(update_progress)
            if not self._stop:
                stopped_s = time.monotonic()
            elif time.monotonic() - stopped_s > STOP_TIMEOUT_S:
                break
            else:
                self._sender.finish(drop_waiting=True)
        self._record_results()

    def _record_results(self) -> None:
        """Record and report what the server has acknowledged."""
        acknowledged: list[AnchoredFile] = []
        for (file, read), result in self._sender.results():
            if result.status == 400:
                self._report.file(file.path, "failed", reason=f"the server rejects it: {result.message}")
                continue
            outcome = "anchored"
            if result.status == 409:
                outcome = "already_anchored" if result.own_id else "registered_elsewhere"
            else:
                self._last = (str(result.id), read.digest.hex())
            acknowledged.append(AnchoredFile(file.path, read, result.own_id))
            self._report.file(
                file.path, outcome, digest=read.digest, size_bytes=read.size_bytes, media_id=result.own_id
            )
        if acknowledged:
            self._state.record(acknowledged)

    def _wait_for_log(self) -> dict[str, Any] | None:
        """Wait until the last accepted item is in the log, which enters items in the order of their acceptance."""
        if self._last is None or not self._plan.wait_s:
            return None
        media_id, sha3_512 = self._last
        self._server.retry_s = self._plan.wait_s
        if not self._log_wait.wait(media_id, sha3_512, self._plan.wait_s, self._continues):
            if self._stop:
                raise self._interrupted()
            self._report.notify(
                f"every file is accepted and safe, but not in the log yet after {self._plan.wait_s:.0f} s; "
                "`hallmarket status` shows the queue"
            )
            return None
        self._report_failed_items()
        log, transaction = self._server.ready().log, self._log_wait.find_transaction(sha3_512)
        if not log or not transaction:
            return None
        self._state.record_log_size(log.size)
        return {"origin": log.origin, "checkpoint": transaction.block_number, "size": log.size}

    def _report_failed_items(self) -> None:
        for item in self._log_wait.failed_items():
            for path in self._state.forget(item.id):
                self._report.counts["anchored"] -= 1
                reason = "the log could not enter it; run the command again to retry"
                self._report.file(path, "failed", reason=reason)

    def _interrupted(self) -> CommandError:
        word = "terminated" if self._stop.status == TERMINATED else "interrupted"
        done = self._report.counts["anchored"] + self._report.counts["already_anchored"]
        message = (
            f"{word}; {done:,} files of this run are anchored and recorded: run the same command again to continue"
        )
        return CommandError(message, self._stop.status, "INTERRUPTED")
