"""A program that the benchmark starts, watches and ends: its processor time and memory, read from /proc.

What was started ends with the run, also when the run itself is killed: each program asks the kernel
for a signal at its parent's death.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Consumption:
    """What a program and everything it started have used so far."""

    cpu_s: float
    """User and system time, that of children already gone included."""
    resident_bytes: int
    peak_bytes: int
    """The largest each process has been, added up."""


class Program:
    """One program with everything it starts itself."""

    def __init__(self, name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        setpriv = shutil.which("setpriv")
        mortal = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                [*mortal, *argv],
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def consumption(self) -> Consumption:
        """What the whole tree has used; a process that ends while it is read counts with its parent next time."""
        ticks = resident = peak = 0
        for pid in tree_of(self._popen.pid):
            try:
                fields = _stat_fields(pid)
                status = Path(f"/proc/{pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            ticks += sum(int(field) for field in fields[11:15])
            resident += int(fields[21]) * PAGE_BYTES
            peak += _peak_bytes(status)
        return Consumption(ticks / TICKS_PER_S, resident, peak)

    def last_words(self, lines: int = 6) -> str:
        """The end of what the program said, for the person who must find out why it failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, patience_s: float = 10) -> None:
        """End the program: asked first, then made to, with all that it started."""
        self._popen.terminate()
        try:
            self._popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()


def tree_of(root: int) -> list[int]:
    """The process and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat_fields(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def free_port() -> int:
    """A loopback port that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from `state` on; the name before it may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _peak_bytes(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
