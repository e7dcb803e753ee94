"""Gateways forked from a process that has imported everything: processes of their own, up in a tenth of the time.

As a program it forks one for each line of its input, and says its id.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Forked:
    """One life. Its exit code is not known: the kernel buries it at once."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def send_signal(self, number: int, /) -> None:
        """Send a signal, if it still lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises TimeoutExpired."""
        deadline = time.monotonic() + (timeout or 3600)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("gateway", timeout or 3600)
            time.sleep(0.01)
        return 0


class Nursery:
    """`launch` is what a GatewayProcess may be started by."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.fakes.nursery"]
        self._mother = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def launch(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Run `gateway` with these arguments in a process of its own."""
        assert self._mother.stdin is not None and self._mother.stdout is not None
        print(json.dumps([list(arguments), dict(environment), str(log)]), file=self._mother.stdin, flush=True)
        return Forked(int(self._mother.stdout.readline()))

    def close(self) -> None:
        """End the mother; her children are their starters' to end."""
        self._mother.kill()
        self._mother.wait()


def live(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """In the child: become a gateway that knows nothing of its mother."""
    from gateway.cli.main import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    main(arguments)


if __name__ == "__main__":
    import gateway.cli.serve
    import gateway.running  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            live(*json.loads(line))
        print(child, flush=True)
