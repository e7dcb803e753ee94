"""LiteLLM's proxy: one worker, no database, no key, no logging, no call for its price list."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.contenders import MODEL, Target, Upstream
from benchmarks.peers import INSTALL, PYTHON, installed_version
from benchmarks.programs import Program, free_port

BINARY = PYTHON / "bin" / "litellm"
KEYLESS = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
"""Without it the proxy refuses to start with no key of its own; on loopback, before nothing of value, it may."""


@dataclass(frozen=True)
class LiteLLM:
    """The most used open gateway, in Python like ours."""

    name: str = "litellm"

    def absence(self) -> str | None:
        return None if BINARY.exists() else f"LiteLLM is not installed: {INSTALL}"

    def version(self) -> str:
        return installed_version("litellm") or "?"

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port = free_port()
        served = {"model": f"openai/{MODEL}", "api_base": f"{upstream.origin}/v1", "api_key": "unused"}
        settings = {
            "model_list": [{"model_name": MODEL, "litellm_params": served}],
            "litellm_settings": {"set_verbose": False, "telemetry": False, "num_retries": 0},
            "router_settings": {"num_retries": 0},
            "general_settings": {"disable_spend_logs": True},
        }
        file = folder / "litellm.yaml"
        file.write_text(yaml.safe_dump(settings))
        quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True", KEYLESS: "true"}
        where = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        program = Program("litellm", [str(BINARY), "--config", str(file), *where], folder, quiet)
        return Target(f"http://127.0.0.1:{port}", program)
