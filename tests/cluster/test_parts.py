"""A part is kept running, whatever ends it, and leaves nothing behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fakes.gateway import until
from tools.cluster.parts import Part, Program

CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    """A program with a child."""
    command = [sys.executable, "-c", f"{CHILD}time.sleep(600)"]
    made = Part(Program("sleeper", command, tmp_path / "log"))
    yield made
    made.stop()


def family(part: Part) -> list[psutil.Process]:
    """The process and its child."""
    until(lambda: part.pid is not None and len(psutil.Process(part.pid).children()) == 1, 10)
    parent = psutil.Process(part.pid)
    return [parent, *parent.children()]


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def test_a_part_that_is_killed_is_started_again_and_its_children_end_with_it(part: Part) -> None:
    part.start()
    first = family(part)
    part.send(signal.SIGKILL)
    until(lambda: are_gone(first), 10)
    until(lambda: part.starts == 2, 10)

    assert family(part)[0].pid != first[0].pid
    assert "is started again" in part.program.log.read_text()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_part_that_is_stopped_is_gone_with_its_children_and_stays_so(part: Part, frozen: bool) -> None:
    part.start()
    processes = family(part)
    if frozen:
        part.send(signal.SIGSTOP)
    part.stop()

    until(lambda: are_gone(processes), 5)
    assert part.pid is None
    time.sleep(0.5)
    assert part.starts == 1


def test_a_part_that_does_not_listen_is_killed_in_the_end(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(9)"
    )
    part = Part(Program("deaf", [sys.executable, "-c", deaf], tmp_path / "log"))
    part.start()
    until(lambda: "deaf" in part.program.log.read_text() if part.program.log.exists() else False, 10)

    part.stop(within_s=0.2)

    assert part.pid is None


def test_a_part_that_ends_at_once_is_tried_again_at_a_measured_pace(tmp_path: Path) -> None:
    part = Part(Program("brief", ["/bin/false"], tmp_path / "log"))
    part.start()
    time.sleep(2.0)
    part.stop()

    assert 2 <= part.starts <= 4


def test_a_part_becomes_another_program(part: Part, tmp_path: Path) -> None:
    part.start()
    before = family(part)

    part.become(Program("other", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "other"))
    until(lambda: part.pid is not None, 10)

    until(lambda: are_gone(before), 5)
    assert os.getpgid(part.pid or 0) == part.pid, "a group of its own: ctrl-C at the terminal is not for it"
