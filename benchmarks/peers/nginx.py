"""nginx, Debian's: the fixed answer behind every contender, and the bare proxy."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import CHAT, MODEL, Target, Upstream
from benchmarks.programs import Program, free_port

ANSWER_BYTES = 380
SERVED = "/served"
"""Where the upstream tells how many requests it has seen."""


@dataclass(frozen=True)
class BareNginx:
    """A reverse proxy that looks at nothing."""

    name: str = "nginx"

    def absence(self) -> str | None:
        return None if shutil.which("nginx") else "nginx is not installed (Debian: `apt-get install nginx`)"

    def version(self) -> str:
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True)
        return said.stderr.strip().rpartition("/")[2]

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port = free_port()
        behind = (
            f"upstream behind {{ server 127.0.0.1:{upstream.port}; keepalive 2048; keepalive_requests 1000000000; }}"
        )
        location = (
            "location / { proxy_pass http://behind; proxy_http_version 1.1; "
            'proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 300s; }'
        )
        return Target(f"http://127.0.0.1:{port}", _nginx("nginx", port, behind, location, folder))


def start_fixed_upstream(folder: Path) -> Upstream:
    """A server that gives the same chat completion to every call, as fast as nginx can."""
    port = free_port()
    answer = f"location = {CHAT} {{ default_type application/json; return 200 '{fixed_answer()}'; }}"
    served = f"location = {SERVED} {{ stub_status; }}"
    return Upstream(f"http://127.0.0.1:{port}", _nginx("fixed-upstream", port, "", f"{answer} {served}", folder))


def fixed_answer() -> str:
    """A chat completion of exactly 380 bytes."""

    def completion(content: str) -> str:
        message = {"role": "assistant", "content": content, "refusal": None}
        answer = {
            "id": "chatcmpl-bench0000",
            "object": "chat.completion",
            "created": 1760000000,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32},
        }
        return json.dumps(answer, separators=(",", ":"))

    return completion("a" * (ANSWER_BYTES - len(completion(""))))


def _nginx(name: str, port: int, outside: str, inside: str, folder: Path) -> Program:
    """One nginx process that serves one loopback port and writes nothing but errors."""
    own = folder / name
    own.mkdir()
    temporary = " ".join(
        f"{kind}_temp_path {own}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = f"""
daemon off; master_process off; pid {own}/pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off; {temporary}
  keepalive_requests 1000000000; keepalive_timeout 3600s; tcp_nodelay on;
  {outside}
  server {{ listen 127.0.0.1:{port} backlog=4096; {inside} }}
}}
"""
    file = own / "nginx.conf"
    file.write_text(settings)
    return Program(name, ["nginx", "-e", "stderr", "-p", str(own), "-c", str(file)], folder)
