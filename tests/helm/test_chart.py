"""The chart: sound for two versions of Kubernetes, restricted, and deaf to mistakes."""

import copy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.charts import (
    CHART,
    COMBINATIONS,
    CRDS,
    IN_GAP,
    IN_PRODUCTION,
    KUBERNETES,
    REPLICATED,
    ROOT,
    helm,
    manifests,
    notes,
    one,
    pods,
    rendered,
    tool,
)
from tests.helm.restricted import violations

COMBINED = pytest.mark.parametrize(("files", "values"), COMBINATIONS.values(), ids=COMBINATIONS.keys())


@COMBINED
def test_every_combination_passes_the_strict_lint(files: tuple[str, ...], values: Mapping[str, Any]) -> None:
    code, written, said = helm("lint", "--strict", str(CHART), files=files, values=values)

    assert code == 0, written + said


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_combination_is_what_kubernetes_takes(version: str, tmp_path: Path) -> None:
    assert len(COMBINATIONS) >= 12
    for number, (files, values) in enumerate(COMBINATIONS.values()):
        (tmp_path / f"{number}.yaml").write_text(rendered(files, values, version))

    ran = validated(version, *tmp_path.glob("*.yaml"))

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_kubernetes_does_not_take_is_noticed_in_every_manifest_of_a_file(tmp_path: Path) -> None:
    found = manifests(IN_PRODUCTION)
    kinds = {"Deployment", "NetworkPolicy", "ServiceMonitor", "PrometheusRule"}
    for kind in kinds:
        spoilt = copy.deepcopy(found)
        next(each for each in spoilt if each["kind"] == kind)["spec"]["mistaken"] = True
        (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump_all(spoilt))

        assert validated("1.30", tmp_path / f"{kind}.yaml").returncode != 0, kind


def validated(version: str, *files: Path) -> "subprocess.CompletedProcess[str]":
    command = [tool("kubectl-validate"), "--version", version, "--local-crds", str(CRDS), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@COMBINED
def test_every_pod_meets_the_restricted_standard(files: tuple[str, ...], values: Mapping[str, Any]) -> None:
    found = dict(pods(manifests(files, values)))

    assert found
    assert {name: violations(pod) for name, pod in found.items() if violations(pod)} == {}


def unrestricted(change: Callable[[dict[str, Any]], object]) -> list[str]:
    pod = copy.deepcopy(dict(pods(manifests(IN_PRODUCTION)))["Deployment gw-release-gateway"])
    change(pod)
    return violations(pod)


@pytest.mark.parametrize(
    "change",
    [
        lambda pod: pod.update(hostNetwork=True),
        lambda pod: pod.pop("securityContext"),
        lambda pod: pod["securityContext"].pop("seccompProfile"),
        lambda pod: pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        lambda pod: pod["initContainers"][-1]["securityContext"].pop("capabilities"),
        lambda pod: pod["containers"][0]["securityContext"].update(privileged=True),
        lambda pod: pod["containers"][0]["securityContext"].update(runAsUser=0),
        lambda pod: pod["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False),
        lambda pod: pod["containers"][0]["ports"][0].update(hostPort=80),
        lambda pod: pod.update(automountServiceAccountToken=True),
    ],
)
def test_the_check_of_the_standard_finds_what_breaks_it(change: Callable[[dict[str, Any]], object]) -> None:
    assert unrestricted(change) != []


@pytest.mark.parametrize(
    "mistaken",
    [
        {"replica": 3},
        {"replicas": "3"},
        {"replicas": 0},
        {"settings": {"shutdown": 30}},
        {"settings": {"changes": "review"}},
        {"settings": {"revision_poll_ms": 5000}},
        {"settings": {"database_url": "postgresql://user:secret@host/name"}},
        {"database": {"kind": "postgres"}},
        {"database": {"postgresql": {"password": "secret"}}},
        {"secrets": {"peppers": "aabbcc"}},
        {"upstreams": {"a": {"url": "https://user:secret@host/v1", "to": [{"podSelector": {}}]}}},
        {"upstreams": {"a": {"url": "https://host/v1", "credential": "secret"}}},
        {"upstreams": {"a": {"url": "https://host/v1", "limits": {"connection_max": 3}}}},
        {"upstreams": {"A b": {"url": "https://host/v1"}}},
        {"image": {"digest": "sha256:abc"}},
        {"judge": "oppa"},
        {"paths": ["/metrics"]},
        {"paths": ["/"]},
        {"networkPolicy": {"enabled": "yes"}},
        {"networkPolicy": {"doors": []}},
        {"networkPolicy": {"scrape": [{"podSelectors": {}}]}},
        {"autoscaling": {"cpu": 700}},
        {"ingress": {"enable": True}},
        {"service": {"port": 70000}},
    ],
    ids=repr,
)
def test_a_mistake_in_the_values_is_refused_by_the_schema(mistaken: Mapping[str, Any]) -> None:
    code, _, said = helm("template", "gw", str(CHART), "--kube-version", "1.30.0", values=mistaken)

    assert code != 0
    assert "values don't meet the specifications of the schema" in said


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"replicas": 2}, "SQLite serves one process"),
        ({"autoscaling": {"enabled": True}}, "SQLite serves one process"),
        (REPLICATED | {"secrets": {}}, "secrets.databasePassword.name names no Secret"),
        (REPLICATED | {"database": {"kind": "postgresql"}}, "host names no server"),
        (REPLICATED | {"database": {"kind": "postgresql", "postgresql": {"host": "db"}}}, "postgresql.to names no"),
        ({"upstreams": {"a": {"url": "http://a/v1"}}}, "upstreams.a.to names no peer"),
        ({"serviceMonitor": {"enabled": True}}, "networkPolicy.scrape names no peer"),
        ({"settings": {"traces_endpoint": "http://c:4318/v1/traces"}}, "networkPolicy.collectors names no peer"),
        ({"ingress": {"enabled": True}}, "ingress.host names no host"),
        ({"route": {"enabled": True}}, "route.parentRefs names no Gateway"),
        (REPLICATED | {"autoscaling": {"enabled": True, "min": 9, "max": 2}}, "autoscaling.min is above"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused_with_what_to_do(values: Mapping[str, Any], told: str) -> None:
    code, _, said = helm("template", "gw", str(CHART), "--kube-version", "1.30.0", values=values)

    assert code != 0
    assert told in said


def test_every_setting_can_be_set_and_no_other() -> None:
    ran = subprocess.run([sys.executable, str(ROOT / "tools" / "chart_settings.py"), "--check"], check=False)

    assert ran.returncode == 0, "helm/values.schema.json is behind gateway/settings.py: run `make helm-schema`"


@COMBINED
def test_no_secret_stands_in_the_environment(files: tuple[str, ...], values: Mapping[str, Any]) -> None:
    for name, pod in pods(manifests(files, values)):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            given = {each["name"]: each.get("value") for each in container.get("env", [])}
            assert None not in given.values(), f"{name} takes a variable from elsewhere"
            assert "envFrom" not in container
            assert given.get("GATEWAY_DATABASE_URL", "").count(":") <= 2, "a scheme and a port, no password"


def test_the_gateway_is_drained_before_it_is_killed_and_its_judge_outlives_it() -> None:
    deployment = one(manifests(IN_PRODUCTION), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (gateway,) = pod["containers"]

    waits = int(gateway["lifecycle"]["preStop"]["exec"]["command"][1])
    shutdown = next(int(each["value"]) for each in gateway["env"] if each["name"] == "GATEWAY_SHUTDOWN_S")
    assert pod["terminationGracePeriodSeconds"] >= waits + shutdown + 5
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert pod["initContainers"][-1]["restartPolicy"] == "Always", "a sidecar: ended after the gateway"


def test_the_network_policy_lets_out_to_what_is_declared_and_nowhere_else() -> None:
    policy = one(manifests(IN_PRODUCTION), "NetworkPolicy", "gateway")["spec"]

    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [5432], [443], [8443]]
    assert all(rule["to"] for rule in policy["egress"]) and all(rule["from"] for rule in policy["ingress"])


def test_traces_are_let_out_to_their_collector() -> None:
    to = [{"podSelector": {"matchLabels": {"app": "collector"}}}]
    traced = {
        "settings": {"traces_endpoint": "http://collector:4318/v1/traces"},
        "networkPolicy": {"collectors": [{"to": to, "port": 4318}]},
    }

    policy = one(manifests((), traced), "NetworkPolicy", "gateway")["spec"]

    assert {"to": to, "ports": [{"port": 4318, "protocol": "TCP"}]} in policy["egress"]


def test_the_migration_runs_once_before_the_rollout_with_the_database_and_nothing_else() -> None:
    job = one(manifests(IN_PRODUCTION), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container["args"] == ["db", "upgrade", "--yes"]
    assert {each["name"] for each in container["env"]} == {
        "GATEWAY_DATABASE_URL",
        "GATEWAY_DATABASE_PASSWORD_FILE",
        "PGSSLROOTCERT",
    }


def test_an_image_by_digest_is_named_by_nothing_else() -> None:
    pod = one(manifests(IN_GAP), "Deployment")["spec"]["template"]["spec"]
    images = {container["image"] for container in [*pod["initContainers"], *pod["containers"]]}

    assert all("@sha256:" in image for image in images) and len(images) == 2


def test_the_notes_tell_the_next_command_of_each_kind_of_installation(tmp_path: Path) -> None:
    trial, production, gap = (notes(files, tmp_path / files[0]) for files in (("trial.yaml",), IN_PRODUCTION, IN_GAP))

    assert "port-forward" in trial and "docs/operating.md" in trial
    assert "GATEWAY_URL=https://models.example.com" in production and "pin image.digest" in production
    assert "GATEWAY_URL=https://models.site.internal" in gap and "pin image.digest" not in gap
    assert all("gateway doctor" in told and "first key" in told for told in (trial, production, gap))
