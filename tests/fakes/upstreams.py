"""The fake upstream as a process of its own, with a memory that outlives whoever is killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes import upstream
from tests.fakes.gateway import until


class UpstreamProcess:
    """Where it listens, and what it remembers."""

    def __init__(self, folder: Path) -> None:
        self.memory = folder / "requests.jsonl"
        self.port_file = folder / "port"
        self.victim = folder / "victim"
        self.url = ""

    @property
    def seen(self) -> list[str]:
        """`x-request-id` of every request it saw, in order."""
        if not self.memory.exists():
            return []
        return [json.loads(line)["request_id"] for line in self.memory.read_text().splitlines()]

    def kill_at_next_request(self, pid: int) -> None:
        """Let it kill a process the moment it sees another request."""
        half = self.victim.with_suffix(".half")
        half.write_text(str(pid))
        half.rename(self.victim)


@contextmanager
def upstream_process(folder: Path, *, interval_ms: float = 0.0, chunks: int = 5) -> Iterator[UpstreamProcess]:
    """One upstream for the length of the block; its streams are so many chunks, so far apart."""
    folder.mkdir(parents=True, exist_ok=True)
    started = UpstreamProcess(folder)
    command = [sys.executable, upstream.__file__, "--remember", str(started.memory), "--victim", str(started.victim)]
    command += ["--port-file", str(started.port_file), "--interval-ms", str(interval_ms), "--chunks", str(chunks)]
    with subprocess.Popen(command) as process:
        try:
            until(started.port_file.exists, 20.0, lambda: "the fake upstream does not listen")
            started.url = f"http://127.0.0.1:{started.port_file.read_text()}/v1"
            yield started
        finally:
            process.kill()
