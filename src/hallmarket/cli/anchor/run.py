"""Anchoring: fingerprints are sent while others are made, and what is acknowledged is remembered at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from hallmarket.cli._shared.connect import connect
from hallmarket.cli._shared.exit_status import SERVER, TERMINATED, CommandError
from hallmarket.cli._shared.signals import Stop
from hallmarket.cli.anchor.log_wait import Arrival
from hallmarket.cli.anchor.plan import Plan, found_files, progress, read_files
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.sender import Sender
from hallmarket.cli.anchor.state import Done, State, default_path
from hallmarket.cli.anchor.walk import FoundFile
from hallmarket.cli.anchor.worker_pool import Pool
from hallmarket.client.api import Hallmarket

# Reading pauses while this many fingerprints wait to be sent.
MAX_BACKLOG = 20_000
# What a stop waits for the batch under way, so that its answers are remembered.
STOP_PATIENCE_S = 5.0
# How long a server may be away in the middle of a run.
RETRY_S = 180.0


def run(plan: Plan, report: Report) -> dict[str, Any] | None:
    """Fingerprint and anchor everything; returns where the items stand in the log, if they do already.

    Raises CommandError, and whatever ended the talk with the server; by then all that was acknowledged is remembered.
    """
    # The workers are forked before there is any thread or connection.
    with ExitStack() as stack:
        pool = stack.enter_context(Pool(plan.jobs))
        show = stack.enter_context(progress(plan, pool, report))
        server, state, arrival = _open(plan, report, stack)
        stop = stack.enter_context(Stop())
        return _Run(plan, report, stop, pool, server, state, arrival).run(show)


def _open(plan: Plan, report: Report, stack: ExitStack) -> tuple[Hallmarket, State, Arrival]:
    server = stack.enter_context(connect(plan.server, plan.api_key, report.tell))
    readiness = server.ready()
    if readiness.status != "ready" or not readiness.log:
        raise CommandError(f"the server at {plan.server} is not ready: {readiness.status}", SERVER, "UNAVAILABLE")
    state = stack.enter_context(
        closing(State(Path(plan.state) if plan.state else default_path(), server.log_key(), readiness.log.size))
    )
    if state.log_was_reset:
        report.tell(f"the log at {plan.server} is smaller than it was: everything is anchored again")
    # PreparedStatement before any reading, so a bad key shows at once.
    arrival = Arrival(server)
    for item in arrival.failed_items():
        state.forget(item.id)
    server.transport.retry_s = RETRY_S
    return server, state, arrival


class _Run:
    """The state of one anchoring run between its steps."""

    def __init__(
        self,
        plan: Plan,
        report: Report,
        stop: Stop,
        pool: Pool,
        server: Hallmarket,
        state: State,
        arrival: Arrival,
    ) -> None:
        self._plan, self._report, self._stop, self._pool = plan, report, stop, pool
        self._server, self._state, self._arrival = server, state, arrival
        self._sender = Sender(server, plan.metadata)
        # The id and hash of the last item accepted.
        self._last: tuple[str, str] | None = None

    def run(self, show: Callable[[], None]) -> dict[str, Any] | None:
        """Read and send, then see the items into the log."""
        for readings in self._pool.readings(self._unread_files()):
            self._sender.put(read_files(readings, self._report))
            self._take_answers()
            show()
            while self._sender.backlog > MAX_BACKLOG and self._goes_on():
                self._sender.join(0.05)
                self._take_answers()
                show()
            if not self._goes_on():
                break
        self._sender.finish(drop_waiting=bool(self._stop))
        stopped_s = time.monotonic()
        while not self._sender.finished:
            self._sender.join(0.05)
            self._take_answers()
            show()
            if not self._stop:
                stopped_s = time.monotonic()
            elif time.monotonic() - stopped_s > STOP_PATIENCE_S:
                break
            else:
                self._sender.finish(drop_waiting=True)
        self._take_answers()
        if self._stop:
            raise self._interrupted()
        if self._sender.error:
            raise self._sender.error
        return self._see_into_log()

    def _unread_files(self) -> Iterator[FoundFile]:
        for file in found_files(self._plan, self._report):
            digest = None if self._plan.rehash else self._state.find_unchanged(file)
            if digest is None:
                yield file
            else:
                self._report.file(file.path, "unchanged", digest=digest, size_bytes=file.size_bytes)

    def _goes_on(self) -> bool:
        return not self._stop and self._sender.error is None

    def _take_answers(self) -> None:
        """Remember and report what the server has acknowledged."""
        done: list[Done] = []
        for (file, read), result in self._sender.answers():
            if result.status == 400:
                self._report.file(file.path, "failed", reason=f"the server refuses it: {result.message}")
                continue
            outcome = "anchored"
            if result.status == 409:
                outcome = "already_anchored" if result.own_id else "registered_elsewhere"
            else:
                self._last = (str(result.id), read.digest.hex())
            done.append(Done(file.path, read, result.own_id))
            self._report.file(
                file.path, outcome, digest=read.digest, size_bytes=read.size_bytes, media_id=result.own_id
            )
        if done:
            self._state.record(done)

    def _see_into_log(self) -> dict[str, Any] | None:
        """Wait until the last item accepted stands in the log: items are entered in the order of their acceptance."""
        if self._last is None or not self._plan.wait_s:
            return None
        media_id, sha3_512 = self._last
        self._server.transport.retry_s = self._plan.wait_s
        if not self._arrival.wait(media_id, sha3_512, self._plan.wait_s, self._goes_on):
            if self._stop:
                raise self._interrupted()
            self._report.tell(
                f"everything is accepted and safe, but not in the log yet after {self._plan.wait_s:.0f} s; "
                "`hallmarket status` shows the queue"
            )
            return None
        self._report_failed_items()
        log, transaction = self._server.ready().log, self._arrival.find_transaction(sha3_512)
        if not log or not transaction:
            return None
        self._state.see_log(log.size)
        return {"origin": log.origin, "checkpoint": transaction.block_number, "size": log.size}

    def _report_failed_items(self) -> None:
        for item in self._arrival.failed_items():
            for path in self._state.forget(item.id):
                self._report.counts["anchored"] -= 1
                self._report.file(path, "failed", reason="the log could not take it; run again to try again")

    def _interrupted(self) -> CommandError:
        word = "terminated" if self._stop.status == TERMINATED else "interrupted"
        done = self._report.counts["anchored"] + self._report.counts["already_anchored"]
        message = f"{word}; {done:,} files of this run are anchored and remembered: run the same command again to go on"
        return CommandError(message, self._stop.status, "INTERRUPTED")
