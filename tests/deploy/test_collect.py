"""`heliograph collect` as a process: the admin port, killed workers, and every way to end."""

import os
import signal
from pathlib import Path

import pytest

from tests.collector.corpus.cases import pixel, post
from tests.support.collector import CollectorProcess, alive
from tests.support.raw_http import RawConnection, get
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real
HITS = "heliograph_collector_hits_total"


def test_each_metric_of_requests_counts_what_was_done(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path) as collector:
        assert collector.admin("/healthz").status == 200
        with RawConnection(collector.port) as lane, RawConnection(collector.port) as app:
            lane.send(pixel() * 3 + pixel(b"/p.gif?v=x&consent=denied"))
            assert [lane.answer().status for _ in range(4)] == [200] * 4
            app.send(post(b"[{},{}]") + b"GET /none HTTP/1.1\r\nHost: t\r\n\r\n")
            assert [app.answer().status for _ in range(2)] == [204, 404]
            wanted = {
                HITS + '{endpoint="pixel"}': 4,
                HITS + '{endpoint="beacon"}': 2,
                "heliograph_collector_hits_lost_total": 0,
                "heliograph_collector_hits_with_problems_total": 1,
                "heliograph_collector_hits_denied_total": 1,
                "heliograph_collector_connections": 2,
                "heliograph_collector_requests_handed_over_total": 1,
                'heliograph_collector_requests_refused_total{status="404"}': 1,
                "heliograph_process_up": 1,
                "heliograph_process_restarts_total": 0,
            }
            wait_until(lambda: wanted.items() <= collector.metrics().items(), what=str(wanted))
        metrics = collector.metrics()
        writes = metrics["heliograph_collector_journal_writes_total"]
        assert metrics["heliograph_collector_journal_write_seconds_count"] == writes > 0
        size = sum(path.stat().st_size for path in collector.journal.glob("w0/*.ndjson"))
        assert metrics["heliograph_collector_journal_bytes"] == size
        assert len(collector.lines()) == 6


def test_a_killed_worker_is_replaced_and_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path, settings={"collector.workers": 2}) as collector:
        for _ in range(3):
            for _ in range(40):
                assert get(collector.port, "/p.gif?e=x").status == 200
            answered = len(collector.lines())
            wait_until(lambda: hits(collector) == answered)  # noqa: B023 - used up at once
            for number in range(2):
                pid = collector.kill_worker(number)
                assert hits(collector) >= answered
                wait_until(lambda: collector.worker_pid(number) != pid)  # noqa: B023
            collector.wait_ready()
            assert hits(collector) >= answered
        assert len(collector.lines()) == 120
        assert collector.metrics()["heliograph_process_restarts_total"] == 6
        assert "collector.w0 ended with signal SIGKILL" in collector.log
        assert collector.terminate() == 0


def hits(collector: CollectorProcess) -> float:
    return sum(value for name, value in collector.metrics().items() if name.startswith(HITS))


def test_not_ready_while_a_worker_is_down_and_while_stopping(tmp_path: Path) -> None:
    settings = {"collector.drain_delay_seconds": 1}
    with CollectorProcess(tmp_path, settings=settings) as collector:
        collector.kill_worker(0)
        wait_until(lambda: (collector.problems() or {}).get("collector.w0"))
        collector.wait_ready()
        collector.process.terminate()
        wait_until(lambda: (collector.problems() or {}).get("supervisor") == "stopping")
        # The load balancer has a second to notice: requests are taken all the same.
        answer = get(collector.port, "/p.gif")
        assert (answer.status, answer.closes) == (200, False)
        assert collector.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_its_deadline_with_exit_code_0(tmp_path: Path, number: int) -> None:
    with CollectorProcess(tmp_path, settings={"collector.workers": 2}) as collector:
        with RawConnection(collector.port) as idle:
            idle.send(pixel())
            idle.answer()
            collector.process.send_signal(number)
            assert collector.process.wait(15) == 0
            assert idle.ended()
        assert "ERROR" not in collector.log
        assert "Traceback" not in collector.log


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    settings = {"collector.drain_seconds_max": 300, "collector.read_seconds_max": 300}
    with CollectorProcess(tmp_path, settings=settings) as collector:
        with RawConnection(collector.port) as begun:
            begun.send(pixel()[:30])
            wait_until(lambda: collector.metrics()["heliograph_collector_connections"] == 1)
            collector.process.send_signal(signal.SIGINT)
            wait_until(lambda: (collector.problems() or {}).get("supervisor"))
            collector.process.send_signal(signal.SIGINT)
            collector.process.wait(10)
        assert "killing what is left" in collector.log


def test_workers_end_themselves_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path, settings={"collector.workers": 2}) as collector:
        workers = [collector.worker_pid(number) for number in range(2)]
        os.kill(collector.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, workers)), what="the workers' end")
        collector.process.wait()
        collector.start()
        assert get(collector.port, "/p.gif").status == 200
        assert collector.terminate() == 0


def test_a_stopped_supervisor_does_not_stop_the_pixel(tmp_path: Path) -> None:
    with CollectorProcess(tmp_path) as collector:
        collector.process.send_signal(signal.SIGSTOP)
        try:
            assert get(collector.port, "/p.gif").status == 200
        finally:
            collector.process.send_signal(signal.SIGCONT)
