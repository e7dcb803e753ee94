"""The chart as tests see it: rendered by Helm itself, in the combinations of values that an operator may write."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm"
CRDS = Path(__file__).parent / "crds"
KUBERNETES = ("1.29", "1.30")
"""The oldest that the chart supports, and the newest whose schemas kubectl-validate has."""

IN_PRODUCTION = ("production.yaml",)
IN_GAP = ("air-gapped.yaml",)
REPLICATED: Mapping[str, Any] = {
    "replicas": 2,
    "settings": {"public_url": "https://models.example.com"},
    "database": {"kind": "postgresql", "postgresql": {"host": "db", "to": [{"podSelector": {}}]}},
    "secrets": {
        "databasePassword": {"name": "db"},
        "peppers": {"name": "peppers"},
        "signingKey": {"name": "signing"},
        "tokenKeys": {"name": "tokens"},
    },
}

COMBINATIONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "defaults": ((), {}),
    "trial": (("trial.yaml",), {}),
    "trial on a claim that is there": ((), {"database": {"sqlite": {"existingClaim": "kept", "size": "2Ti"}}}),
    "trial judged by OPA": (("trial.yaml",), {"judge": "opa"}),
    "production": (IN_PRODUCTION, {}),
    "production behind a route": (
        IN_PRODUCTION,
        {"ingress": {"enabled": False}, "route": {"enabled": True, "parentRefs": [{"name": "world"}]}},
    ),
    "production with secrets by CSI": (IN_PRODUCTION, {"secrets": {"csi": {"secretProviderClass": "vault"}}}),
    "production without a network policy": (IN_PRODUCTION, {"networkPolicy": {"enabled": False}}),
    "production with policies of its own": (
        IN_PRODUCTION,
        {"policies": {"volume": {"configMap": {"name": "rego", "items": [{"key": "a", "path": "access/a.rego"}]}}}},
    ),
    "air-gapped": (IN_GAP, {}),
    "air-gapped, embedded judge, secrets by name": (
        IN_GAP,
        {"judge": "embedded", "secrets": {"csi": {"secretProviderClass": ""}, **REPLICATED["secrets"]}},
    ),
    "replicas and nothing else": ((), REPLICATED),
    "replicas where people and machines sign in": (
        (),
        REPLICATED
        | {
            "secrets": {
                **REPLICATED["secrets"],
                "identityProviders": {"name": "identity", "beside": ["corporate.secret", "ca.pem"]},
                "issuers": {"name": "machines", "beside": ["cluster-ca.pem"]},
            },
            "networkPolicy": {"identityProviders": [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "port": 443}]},
        },
    ),
    "every place to put a thing": (
        (),
        REPLICATED
        | {
            "image": {"pullSecrets": ["one", "two"]},
            "settings": {
                **REPLICATED["settings"],
                **{"revision_stale_s": 2.5, "request_bytes_max": 16777216, "shutdown_s": 90, "host": "::"},
            },
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "models", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "important",
            "podLabels": {"team": "releases"},
            "podAnnotations": {"note": "kept"},
            "serviceAccount": {"annotations": {"cloud/role": "gateway"}},
            "service": {"type": "LoadBalancer", "port": 443, "annotations": {"cloud/lb": "internal"}},
            "extraVolumes": [{"name": "more", "configMap": {"name": "more"}}],
            "extraVolumeMounts": [{"name": "more", "mountPath": "/more", "readOnly": True}],
        },
    ),
    "one upstream for each way to write it": (
        (),
        {
            "upstreams": {
                "plain": {"url": "http://10.0.0.1/v1", "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]},
                "with.dots_and-more": {
                    "url": "https://models.internal:8443/a/v1",
                    "credential": {"name": "token", "key": "token"},
                    "ca": {"name": "ca", "key": "ca.pem"},
                    "output_limit": "max_completion_tokens",
                    "limits": {"connect_s": 2.5, "answer_bytes_max": 33554432},
                    "to": [{"namespaceSelector": {"matchLabels": {"models": "yes"}}}],
                },
            }
        },
    ),
}
"""By what they are: worked files of values, and values above them."""

Manifest = dict[str, Any]


def tool(name: str) -> str:
    """Where a tool is; the test is skipped where it is not at hand."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing: run `make chart-tools`")
    return path


def helm(*words: str, files: tuple[str, ...] = (), values: Mapping[str, Any] | None = None) -> tuple[int, str, str]:
    """Run Helm on the chart; exit code, output, errors."""
    named = [word for file in files for word in ("--values", str(CHART / "values" / file))]
    given = yaml.safe_dump(dict(values or {}))
    ran = subprocess.run(
        [tool("helm"), *words, *named, "--values", "-"], input=given, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout, ran.stderr


def rendered(files: tuple[str, ...] = (), values: Mapping[str, Any] | None = None, kube: str = "1.30") -> str:
    """The manifests as Helm writes them."""
    return _rendered(files, yaml.safe_dump(dict(values or {})), kube)


@cache
def _rendered(files: tuple[str, ...], values: str, kube: str) -> str:
    words = ("template", "gw", str(CHART), "--namespace", "models", "--kube-version", f"{kube}.0")
    code, written, said = helm(*words, files=files, values=yaml.safe_load(values))
    assert code == 0, said
    return written


def notes(files: tuple[str, ...], folder: Path) -> str:
    """What Helm tells after an installation; only a cluster is told it, so it is rendered as a manifest's value."""
    chart = shutil.copytree(CHART, folder / "chart")
    words = chart / "templates" / "NOTES.txt"
    (chart / "templates" / "_notes.tpl").write_text('{{ define "notes" }}' + words.read_text("utf-8") + "{{ end }}")
    words.unlink()
    (chart / "templates" / "notes.yaml").write_text('told: {{ include "notes" . | toJson }}\n')
    command = [
        tool("helm"),
        "template",
        "gw",
        str(chart),
        "--kube-version",
        "1.30.0",
        "--show-only",
        "templates/notes.yaml",
    ]
    named = [word for file in files for word in ("--values", str(CHART / "values" / file))]
    ran = subprocess.run([*command, *named], capture_output=True, text=True, check=True)
    return str(yaml.safe_load(ran.stdout)["told"])


def manifests(files: tuple[str, ...] = (), values: Mapping[str, Any] | None = None) -> list[Manifest]:
    """The same, read."""
    return [each for each in yaml.safe_load_all(rendered(files, values)) if each]


def one(found: list[Manifest], kind: str, ending: str = "") -> Manifest:
    """The only manifest of a kind whose name ends so."""
    (only,) = [each for each in found if each["kind"] == kind and each["metadata"]["name"].endswith(ending)]
    return only


def pods(found: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The pod's spec in each manifest that makes pods, by the manifest's name."""
    for each in found:
        if each["kind"] in {"Deployment", "Job", "StatefulSet", "DaemonSet"}:
            yield f"{each['kind']} {each['metadata']['name']}", each["spec"]["template"]["spec"]
