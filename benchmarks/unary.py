"""Unary load: wrk with one thread, a number of connections, for some seconds."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Target
from benchmarks.upstreams import question

SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    "\\nRESULT {{\\"requests\\":%d,\\"duration_us\\":%d,\\"p50_us\\":%d,\\"p99_us\\":%d,\\"faults\\":"
    .. "{{\\"connect\\":%d,\\"read\\":%d,\\"write\\":%d,\\"timeout\\":%d,\\"status\\":%d}}}}\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.timeout, e.status))
end
"""


@dataclass(frozen=True)
class UnaryRun:
    """What wrk saw in one run."""

    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    faults: tuple[str, ...]
    """Everything that was not a good answer, counted by kind."""


def absence() -> str | None:
    """Why there can be no unary load on this machine, or None."""
    return None if shutil.which("wrk") else "wrk is not installed (Debian: `apt-get install wrk`)"


def load(target: Target, connections: int, seconds: float, folder: Path) -> UnaryRun:
    """Load the target and count what came back."""
    script = folder / "load.lua"
    headers = {"content-type": "application/json", **target.headers}
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
    script.write_text(SCRIPT.format(body=json.dumps(json.dumps(question(target.model))), headers=lines))
    whole = max(1, round(seconds))
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "30s", "-s", str(script), target.url]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=whole + 60, check=True).stdout
    result = json.loads(said.rpartition("RESULT ")[2])
    faults = tuple(f"{count} x {kind}" for kind, count in result["faults"].items() if count)
    per_s = result["requests"] / (result["duration_us"] / 1e6)
    return UnaryRun(result["requests"], per_s, result["p50_us"] / 1e3, result["p99_us"] / 1e3, faults)
