"""One part of the cluster: a program that is kept running until it is told to stop, whatever ends it."""

import contextlib
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAUSE_S = 0.2
"""Before a part that ended is started again; doubled each time that it ends at once."""

PAUSE_MAX_S = 2.0
LIVED_S = 5.0
"""A part that ran for so long had started well."""


@dataclass(frozen=True)
class Program:
    """What is run, and how it is told to stop."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: str | None = None
    """As whom, where not as oneself."""
    stop_by: signal.Signals = signal.SIGTERM


class Part:
    """Keeps one program running, each time in a process group of its own."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = threading.Event()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Id of the process that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it, and go on starting it."""
        if self._thread is not None:
            return
        self._wanted.set()
        self._changed.clear()
        self._thread = threading.Thread(target=self._live, name=self.program.name, daemon=True)
        self._thread.start()

    def stop(self, within_s: float = 60.0) -> None:
        """Tell it to stop, wait until it has, and start it no more."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._wanted.clear()
        self._changed.set()
        self.send(self.program.stop_by)
        self.send(signal.SIGCONT)
        thread.join(within_s)
        if thread.is_alive():
            self.send(signal.SIGKILL)
            thread.join()

    def become(self, program: Program, within_s: float = 60.0) -> None:
        """Stop what runs as an operator would, and run this in its place."""
        self.stop(within_s)
        self.program = program
        self.start()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _live(self) -> None:
        pause_s = PAUSE_S
        while self._wanted.is_set():
            began = time.monotonic()
            code = self._run()
            if not self._wanted.is_set():
                return
            lived_s = time.monotonic() - began
            pause_s = PAUSE_S if lived_s > LIVED_S else min(pause_s * 2, PAUSE_MAX_S)
            self._note(f"{self.program.name} ended with {code} after {lived_s:.1f} s and is started again")
            self._changed.wait(pause_s)

    def _run(self) -> int:
        """Run it once to its end, and end what it leaves behind."""
        program = self.program
        with program.log.open("ab") as log:
            process = subprocess.Popen(
                program.command,
                env={**os.environ, **program.environment},
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **run_by(program.user),
            )
        self._process = process
        self.starts += 1
        if not self._wanted.is_set():  # told to stop before there was anything to tell
            process.send_signal(program.stop_by)
        code = process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        return code

    def _note(self, said: str) -> None:
        with self.program.log.open("a") as log:
            log.write(f"== {said}\n")


def run_by(user: str | None) -> dict[str, Any]:
    """As whom a process is to run, for `subprocess`."""
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
