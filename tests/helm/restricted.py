"""The restricted Pod Security Standard, and what this chart promises beyond it, as a list of what a pod breaks."""

from collections.abc import Iterator
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST = ("hostNetwork", "hostPID", "hostIPC")

Spec = dict[str, Any]


def violations(pod: Spec) -> list[str]:
    """What keeps a pod from the restricted standard."""
    return [*_of_pod(pod), *(said for container in _containers(pod) for said in _of_container(container, pod))]


def _of_pod(pod: Spec) -> Iterator[str]:
    security = pod.get("securityContext", {})
    yield from (f"{name} is set" for name in HOST if pod.get(name))
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        if len(kinds) != 1 or not kinds <= VOLUMES:
            yield f"volume {volume['name']} is {kinds or 'nothing'}"
    if security.get("sysctls"):
        yield "sysctls are set"
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the cluster is mounted"
    if pod.get("enableServiceLinks") is not False:
        yield "service links would be taken for settings"


def _of_container(container: Spec, pod: Spec) -> Iterator[str]:
    name, own, shared = container["name"], container.get("securityContext", {}), pod.get("securityContext", {})
    both = shared | own
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain privileges"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name} has capabilities"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser", 1) == 0:
        yield f"{name} may run as root"
    if both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield f"{name} has no seccomp profile"
    if both.get("procMount", "Default") != "Default":
        yield f"{name} has another /proc"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} takes a port of its host"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{name} can write to its root"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield f"{name} says not what it needs"


def _containers(pod: Spec) -> list[Spec]:
    return [*pod.get("initContainers", []), *pod["containers"], *pod.get("ephemeralContainers", [])]
